"""Reads what a what-if is asked with out of files, and shows its report."""

import json
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from rich.console import Console
from rich.table import Table

from deploy.cli.errors import CliError
from services.assignment.schemas.what_if import GroupDifference, MetricDifference, WhatIfInput, WhatIfReport
from shared.contracts.calendars import BusinessCalendar
from shared.contracts.durations import DAYS, SECONDS
from shared.contracts.policies import SlaPolicy

SHOWN = 10


def question_of(
    policy: Path, calendar: Path | None, replaces: str | None, since: str | None, until: str | None
) -> WhatIfInput:
    """The question. Raises CliError for what cannot be read or does not say what it must.

    Files may also be what the API answered: its additions are left out, and the policy's id says what it replaces.
    """
    body = _read(policy)
    given = {
        "policy": _fields(body, SlaPolicy),
        "calendar": None if calendar is None else _fields(_read(calendar), BusinessCalendar),
        "replaces": replaces or body.get("id"),
        "from": _instant(since),
        "to": _instant(until),
    }
    try:
        return WhatIfInput.model_validate_json(json.dumps(given))
    except ValidationError as problem:
        wrong = "; ".join(f"{_place(one['loc'])}: {one['msg']}" for one in problem.errors())
        raise CliError(f"This cannot be asked. {wrong}.") from None


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location if part not in (SECONDS, DAYS))


WIDE = 132
"""Columns that the table needs, also where nothing says how wide the terminal is, as in a pipe."""


def show(console: Console, report: WhatIfReport) -> None:
    """Totals, then by team and priority, then some of what would be different."""
    console.print(
        f"{report.verdicts} verdicts of {report.tickets} tickets judged again under {report.policy}: "
        f"{report.differences} would be different, {report.moved} the same by other figures.",
        style="bold",
    )
    if report.unjudged:
        console.print(f"{report.unjudged} tickets cannot be judged: what they name is stored no more.", style="yellow")
    groups = [("All", GroupDifference(id=None, name="", metrics=report.total))]
    groups += [("Team", one) for one in report.by_team] + [("Priority", one) for one in report.by_priority]
    table = Table("", "", "metric", "met", "breached", "cancelled", "attainment", "to met", "to breached")
    for kind, group in groups:
        for metric in group.metrics:
            table.add_row(kind, group.name, *_row(metric))
    for column in table.columns:
        column.no_wrap = True
    console.width = max(console.width, WIDE)
    console.print(table)
    for one in report.examples[:SHOWN]:
        console.print(f"{one.number}  {one.metric} {one.cycle}: {one.before or 'no SLA'} -> {one.after or 'no SLA'}")
    for caveat in report.cannot_know:
        console.print(f"- {caveat}", style="dim")


def _row(metric: MetricDifference) -> list[str]:
    before, after = metric.before, metric.after
    return [
        metric.metric.value,
        f"{before.met} -> {after.met}",
        f"{before.breached} -> {after.breached}",
        f"{before.cancelled} -> {after.cancelled}",
        f"{_percent(metric.attainment_before)} -> {_percent(metric.attainment_after)}",
        str(metric.to_met),
        str(metric.to_breached),
    ]


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} %"


def _read(path: Path) -> dict[str, Any]:
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise CliError(f"{path} cannot be read: {problem}") from None
    if not isinstance(body, dict):
        raise CliError(f"{path} holds no JSON object")
    return body


def _fields(body: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """A misspelt field is refused by the model; only what the API adds is left out."""
    added = {"id", "version", "is_default", "created_at", "created_by", "slug", "feed_url", "feed_status"}
    if model is BusinessCalendar:
        added |= {"name"}
    return {name: value for name, value in body.items() if name not in added - set(model.model_fields)}


def _instant(words: str | None) -> str | None:
    """An instant, or a day's beginning in UTC."""
    if words is None:
        return None
    try:
        if len(words) == len("2026-01-01"):
            return datetime.combine(date.fromisoformat(words), time(), UTC).isoformat()
        at = datetime.fromisoformat(words)
    except ValueError:
        raise CliError(f"{words} is no instant: write 2026-01-31 or 2026-01-31T12:00:00Z") from None
    return at.replace(tzinfo=at.tzinfo or UTC).isoformat()
