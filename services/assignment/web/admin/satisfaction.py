"""Administration page of the satisfaction survey."""

from typing import Any

from fastapi import Request, Response

from services.assignment.app_state import AppState
from services.assignment.deps import State
from services.assignment.queries.access.callers import Caller
from services.assignment.web.admin.intake.admin_client import administrator
from services.assignment.web.admin.sections import NotificationPageCaller
from services.assignment.web.admin.submitted_form import (
    AdminForm,
    FormRefused,
    FormView,
    fresh_form,
    refusals,
    refused_form,
)
from services.assignment.web.page_base import DeskPageRoute, DeskPages, TheDesk
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext

PATH = "/admin/notification/satisfaction"
SURVEY = "/v1/csat-survey"
router = HttpRouter(prefix=PATH, route_class=DeskPageRoute)


@router.get("")
async def show_survey(request: Request, desk: TheDesk, context: State, caller: NotificationPageCaller) -> Response:
    """Shows whether requesters are asked. Raises Problem 503 while the notification service is away."""
    current = await _read(context, caller)
    return _page(request, desk, caller, fresh_form(_typed(current)), current["version"])


@router.post("")
async def post_survey(
    request: Request, desk: TheDesk, context: State, caller: NotificationPageCaller, form: AdminForm
) -> Response:
    """Saves the settings, or shows them again with errors, or if somebody else changed them meanwhile."""
    wanted = {
        "is_on": form.is_ticked("is_on"),
        "open_days": form.number("open_days"),
        "days_between": form.number("days_between"),
    }
    try:
        async with refusals():
            await _save(context, caller, wanted, form.number("version"))
    except FormRefused as refused:
        current = await _read(context, caller)
        return _page(request, desk, caller, refused_form(form, refused, form.typed), current["version"])
    text = (
        gettext("Requesters are asked after each resolution from now on.")
        if wanted["is_on"]
        else gettext("Nobody is asked any more.")
    )
    return desk.redirect(PATH, ("success", text))


async def _read(context: AppState, caller: Caller) -> dict[str, Any]:
    found = await context.siblings.notification.call(administrator(caller), "GET", SURVEY)
    body: dict[str, Any] = found.body
    return body


async def _save(context: AppState, caller: Caller, wanted: dict[str, Any], version: int | None) -> None:
    headers = {} if version is None else {"If-Match": f'"{version}"'}
    await context.siblings.notification.call(administrator(caller), "PUT", SURVEY, wanted, headers=headers)


def _typed(current: dict[str, Any]) -> dict[str, str]:
    days = {name: str(current[name]) for name in ("open_days", "days_between")}
    return days | ({"is_on": "1"} if current["is_on"] else {})


def _page(request: Request, desk: DeskPages, caller: Caller, view: FormView, version: int) -> Response:
    return desk.render(
        request,
        "admin/satisfaction.html",
        caller,
        view.status,
        notices=view.notices,
        view=view,
        version=version,
    )
