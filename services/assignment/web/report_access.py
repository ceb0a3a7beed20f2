"""Access checks of report pages, and parts shared by the pages of analyses."""

import json
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import Depends, Response

from services.assignment.queries.access.callers import Caller
from services.assignment.web.admin.sections import AllowedAgent
from services.assignment.web.admin.submitted_form import SubmittedForm, refuse_field
from shared.contracts.vocabulary import Permission
from shared.kit.clock import utc_now
from shared.kit.i18n.messages import gettext, marked

ReportPageCaller = Annotated[Caller, Depends(AllowedAgent(Permission.REPORT_VIEW))]
SHOWN_RUNS = 10
SHOWN_WORDS = (
    marked("Queued"),
    marked("Running"),
    marked("Done"),
    marked("met"),
    marked("breached"),
    marked("cancelled"),
    marked("tickets"),
    marked("arrivals"),
)
"""States of runs, outcomes of verdicts and what a run counts, as pages show them."""
QUARTER = 91
SPANS = {"28": marked("Last 4 weeks"), str(QUARTER): marked("Last 13 weeks"), "365": marked("Last 12 months")}


def id_in(made: Response) -> UUID:
    """The id of what was made, from the answer that is also stored for retries."""
    return UUID(json.loads(bytes(made.body))["id"])


def period_in(form: SubmittedForm, zone: str) -> tuple[datetime, datetime | None]:
    """The period that a form says: its days, both included, or else the last weeks. Raises FormRefused."""
    first, last = _day(form, "from", zone), _day(form, "to", zone)
    until = last and (last + timedelta(days=1)).astimezone(UTC)
    if first is None:
        days = int(form.text("days")) if form.text("days") in SPANS else QUARTER
        return (until or utc_now()) - timedelta(days=days), until
    if until is not None and until <= first:
        raise refuse_field("to", gettext("The last day must not be before the first"))
    return first.astimezone(UTC), until


def _day(form: SubmittedForm, name: str, zone: str) -> datetime | None:
    text = form.text(name)
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise refuse_field(name, gettext("Write a day such as 2026-01-31")) from error
    if not 1970 <= day.year <= 2200:
        raise refuse_field(name, gettext("Write a day of the years 1970 to 2200"))
    return datetime.combine(day, time.min, ZoneInfo(zone))
