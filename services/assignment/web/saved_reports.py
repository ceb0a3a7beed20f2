"""Pages of saved reports: the list, and the link of each, which goes on to its report."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import ValidationError

from services.assignment.commands.configuration.administration import changing
from services.assignment.deps import State
from services.assignment.errors import not_permitted
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.people.people import list_teams
from services.assignment.reporting.catalogue import REPORTS
from services.assignment.reporting.saved_reports import (
    PATH,
    address_of,
    change_saved_report,
    delete_saved_report,
    get_saved_report,
    list_saved_reports,
    save_report,
)
from services.assignment.schemas.saved_reports import SavedReportInput, SavedReportPatch
from services.assignment.web.page_base import DeskAgent, DeskPageRoute, TheDesk
from services.assignment.web.reports import Form as Request_
from services.assignment.web.reports import ReportRequest
from shared.contracts.vocabulary import Permission
from shared.domain.permissions import holds
from shared.kit.http.form_tokens import check_form_token
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext

router = HttpRouter(route_class=DeskPageRoute)
Text = Annotated[str, Form(max_length=200)]


@router.get(PATH)
async def show_saved_reports(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: DeskAgent,
    asked: Request_,
    report: str = "",
    by: str = "",
) -> Response:
    """The list; with `report` and its parameters also a form that saves it."""
    new = None
    if report in REPORTS:
        new = {"report": report, "title": REPORTS[report].title, **_parameters(asked, by)}
    return await _list(request, desk, context, caller, new=new)


@router.post(PATH)
async def post_saved_report(request: Request, desk: TheDesk, context: State, caller: DeskAgent) -> Response:
    """Saves a report, or shows the form again."""
    form = await request.form(max_files=0)
    values = {name: value.strip() for name, value in form.items() if isinstance(value, str)}
    check_form_token(request, values.get("csrf_token", ""))
    _check(caller)
    report, days = values.get("report", ""), values.get("days", "")
    parameters = {
        "days": int(days) if days.isascii() and days.isdigit() and len(days) < 6 else 30,
        "time_zone": values.get("tz") or "UTC",
        "team": values.get("team") or None,
        "group_by": values.get("group_by") or "team",
        "interval": values.get("interval") or None,
    }
    try:
        body = SavedReportInput.model_validate(
            {
                "name": " ".join(values.get("name", "").split()),
                "report": report,
                "parameters": parameters,
                "team_id": _team_in(values.get("shared_with", "")),
            }
        )
    except (ValidationError, ValueError):
        new = {"report": report, "title": REPORTS[report].title, **parameters} if report in REPORTS else None
        return await _list(request, desk, context, caller, new=new, error=gettext("Give the report a name of one line"))
    async with changing(context, caller) as session:
        saved = await save_report(session, caller, body)
    return desk.redirect(PATH, ("success", gettext("%(name)s is saved.", name=saved.name)))


@router.get(PATH + "/{report_id}")
async def open_saved_report(context: State, caller: DeskAgent, report_id: UUID) -> Response:
    """Goes on to the report. Raises Problem 404 for one that is not shared with the caller."""
    _check(caller)
    async with context.database.begin() as session:
        saved = await get_saved_report(session, caller, report_id)
    return RedirectResponse(address_of(saved), 303)


@router.post(PATH + "/{report_id}")
async def post_changed_report(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: DeskAgent,
    report_id: UUID,
    name: Text = "",
    shared_with: Text = "",
    csrf_token: Text = "",
) -> Response:
    """Renames or shares it."""
    check_form_token(request, csrf_token)
    _check(caller)
    try:
        patch = SavedReportPatch.model_validate({"name": " ".join(name.split()), "team_id": _team_in(shared_with)})
    except (ValidationError, ValueError):
        return await _list(request, desk, context, caller, error=gettext("Give the report a name of one line"))
    saved = await change_saved_report(context, caller, report_id, patch)
    return desk.redirect(PATH, ("success", gettext("%(name)s is saved.", name=saved.name)))


@router.post(PATH + "/{report_id}/delete")
async def post_deleted_report(
    request: Request, desk: TheDesk, context: State, caller: DeskAgent, report_id: UUID, csrf_token: Text = ""
) -> Response:
    """Deletes it for everybody who had it."""
    check_form_token(request, csrf_token)
    _check(caller)
    await delete_saved_report(context, caller, report_id)
    return desk.redirect(PATH, ("success", gettext("The report is deleted.")))


def _team_in(text: str) -> UUID | None:
    return UUID(text) if text else None


def _parameters(asked: ReportRequest, by: str) -> dict[str, Any]:
    return {
        "days": asked.days,
        "time_zone": asked.zone,
        "team": asked.team,
        "group_by": by or asked.group_by.value,
        "interval": asked.interval.value if asked.interval else "",
    }


async def _list(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: Caller,
    *,
    new: dict[str, Any] | None = None,
    error: str = "",
) -> Response:
    _check(caller)
    async with context.database.begin() as session:
        saved = await list_saved_reports(session, caller)
        teams = [(str(one.id), one.name) for one in await list_teams(session)]
    own = {str(grant.team_id) for grant in caller.principal.grants}
    choices = [team for team in teams if team[0] in own or holds(caller.principal, Permission.ADMIN_TEAMS)]
    return desk.render(
        request,
        "reports/saved.html",
        caller,
        400 if error else 200,
        saved=saved,
        titles={name: kind.title for name, kind in REPORTS.items()},
        teams=choices,
        new=new,
        error=error,
    )


def _check(caller: Caller) -> None:
    if not holds(caller.principal, Permission.REPORT_VIEW):
        raise not_permitted(Permission.REPORT_VIEW)
