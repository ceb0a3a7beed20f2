"""Administration pages of chat rooms and on-call services that are told of events."""

from typing import Any
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy import select

from services.assignment.app_state import AppState
from services.assignment.deps import State
from services.assignment.models import Team
from services.assignment.queries.access.callers import Caller
from services.assignment.web.admin.intake.admin_client import administrator
from services.assignment.web.admin.sections import NotificationPageCaller
from services.assignment.web.admin.submitted_form import (
    AdminForm,
    FormRefused,
    FormView,
    SubmittedForm,
    fresh_form,
    refusals,
    refused_form,
)
from services.assignment.web.page_base import DeskPageRoute, DeskPages, TheDesk
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext, translated_options
from shared.kit.i18n.messages import marked as _

PATH = "/admin/notification/targets"
API = "/v1/targets"
router = HttpRouter(prefix=PATH, route_class=DeskPageRoute)
KINDS = (
    ("slack", "Slack"),
    ("mattermost", "Mattermost"),
    ("teams", "Microsoft Teams"),
    ("pagerduty", "PagerDuty (Events API v2)"),
    ("opsgenie", "Opsgenie (Alert API)"),
    ("generic", _("Another on-call service (JSON)")),
)


@router.get("")
async def show_targets(request: Request, desk: TheDesk, context: State, caller: NotificationPageCaller) -> Response:
    """Lists the targets, with a form for a new one."""
    return await _page(request, desk, context, caller, fresh_form())


@router.post("/new")
async def post_target(
    request: Request, desk: TheDesk, context: State, caller: NotificationPageCaller, form: AdminForm
) -> Response:
    """Adds a target, or shows the form again."""
    try:
        async with refusals():
            made = await _ask(context, caller, "POST", API, _sent(form))
    except FormRefused as refused:
        return await _page(request, desk, context, caller, refused_form(form, refused, _typed(form)))
    return desk.redirect(
        PATH, ("success", gettext("%(name)s is added. Send a test to see that it arrives.", name=made["name"]))
    )


@router.post("/{target_id}/test")
async def post_test(
    desk: TheDesk, context: State, caller: NotificationPageCaller, target_id: UUID, _: AdminForm
) -> Response:
    """Posts a test message, and says what the target answered."""
    found = await _ask(context, caller, "POST", f"{API}/{target_id}/test")
    if found["accepted"]:
        return desk.redirect(PATH, ("success", gettext("The test was taken: %(answer)s", answer=found["answer"])))
    return desk.redirect(PATH, ("danger", gettext("The test was not taken: %(answer)s", answer=found["answer"])))


@router.post("/{target_id}/remove")
async def post_remove(
    desk: TheDesk, context: State, caller: NotificationPageCaller, target_id: UUID, _: AdminForm
) -> Response:
    """Removes a target."""
    await _ask(context, caller, "DELETE", f"{API}/{target_id}")
    return desk.redirect(PATH, ("success", gettext("The target is removed.")))


def _sent(form: SubmittedForm) -> dict[str, Any]:
    names = ("name", "kind", "url")
    optional = {name: form.optional(name) for name in ("secret", "team_id")}
    return {name: form.text(name) for name in names} | optional


def _typed(form: SubmittedForm) -> dict[str, str]:
    """Returns the form's fields as they are shown again; the secret is typed anew."""
    return {name: value for name, value in form.typed.items() if name != "secret"}


async def _ask(context: AppState, caller: Caller, method: str, path: str, body: Any = None) -> dict[str, Any]:
    call = context.siblings.notification.call
    found: dict[str, Any] = (await call(administrator(caller), method, path, body)).body or {}
    return found


async def _page(request: Request, desk: DeskPages, context: AppState, caller: Caller, view: FormView) -> Response:
    targets = (await _ask(context, caller, "GET", API))["items"]
    async with context.database.begin() as session:
        teams = [
            (str(row.id), row.name) for row in await session.execute(select(Team.id, Team.name).order_by(Team.name))
        ]
    names = dict(teams)
    kinds = dict(translated_options(KINDS))
    return desk.render(
        request,
        "admin/notification_targets.html",
        caller,
        view.status,
        notices=view.notices,
        view=view,
        kinds=list(kinds.items()),
        teams=teams,
        targets=[
            one | {"kind": kinds.get(one["kind"], one["kind"]), "team": names.get(one["team_id"] or "", "")}
            for one in targets
        ],
    )
