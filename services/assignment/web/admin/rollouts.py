"""Administration pages of SLA policy roll-outs: preview, progress, revert."""

from typing import Any
from uuid import UUID

from fastapi import Request, Response
from starlette.status import HTTP_202_ACCEPTED

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import create
from services.assignment.deps import State
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.administration.configuration import get_current_policy, policy_view
from services.assignment.queries.people.people import list_agents, list_teams
from services.assignment.schemas.rollouts import (
    UNDER_WAY,
    Preview,
    PreviewInput,
    RolloutInput,
    RolloutMode,
    RolloutTicketState,
    RolloutView,
)
from services.assignment.sla_analysis.rollout_commands import revert_rollout, start_rollout
from services.assignment.sla_analysis.rollout_preview import preview
from services.assignment.sla_analysis.rollout_queries import (
    get_rollout,
    get_rollout_view,
    list_rollout_tickets,
    list_rollouts,
)
from services.assignment.web.admin.sections import SlaPageCaller
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
from shared.contracts.vocabulary import Priority, Status
from shared.kit.db import Session
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext, translated_options
from shared.kit.i18n.messages import marked as _

PATH = "/admin/sla-policies/{policy_id}/rollouts"
router = HttpRouter(prefix=PATH, route_class=DeskPageRoute)
MODES = {
    RolloutMode.CARRY: _("New targets apply from now on; time used so far counts"),
    RolloutMode.RESTART: _("Clocks end and begin anew under the new targets"),
    RolloutMode.GRANDFATHER: _("Running tickets keep what they were promised; this is written down"),
}
MODE_NAMES = {"carry": _("Carry"), "restart": _("Restart"), "grandfather": _("Grandfather")}
STATES = {
    "queued": _("Queued"),
    "running": _("Running"),
    "done": _("Done"),
    "failed": _("Failed"),
    "reverting": _("Reverting"),
    "reverted": _("Reverted"),
    "refused": _("Refused"),
    "not_reverted": _("Not reverted"),
}
"""Of a roll-out, and of its tickets that are shown."""
OPEN = (Status.NEW, Status.OPEN, Status.PENDING, Status.ON_HOLD, Status.RESOLVED)
WRONG = (RolloutTicketState.REFUSED, RolloutTicketState.FAILED, RolloutTicketState.NOT_REVERTED)
SHOWN = 50


@router.get("")
async def show_rollouts(
    request: Request, desk: TheDesk, context: State, caller: SlaPageCaller, policy_id: UUID
) -> Response:
    """The roll-outs so far, and a form for the next. Raises Problem 404."""
    return await _page(request, desk, context, caller, policy_id, fresh_form({"mode": RolloutMode.CARRY.value}))


@router.post("/preview")
async def post_preview(
    request: Request, desk: TheDesk, context: State, caller: SlaPageCaller, policy_id: UUID, form: AdminForm
) -> Response:
    """What would change; changes nothing and tells nobody."""
    try:
        async with refusals(_field_of):
            asked = PreviewInput.model_validate(_fields(form))
            found = await preview(context, policy_id, asked, SHOWN, None)
    except FormRefused as refused:
        view = refused_form(form, refused, _typed(form))
        return await _page(request, desk, context, caller, policy_id, view)
    view = FormView(_typed(form), form_id=form.text("form_id"))
    return await _page(request, desk, context, caller, policy_id, view, found)


@router.post("")
async def post_rollout(
    request: Request, desk: TheDesk, context: State, caller: SlaPageCaller, policy_id: UUID, form: AdminForm
) -> Response:
    """Starts the roll-out that was previewed; refused if policy or calendar changed since."""
    path = PATH.replace("{policy_id}", str(policy_id))
    seen = {name: form.number(name) for name in ("version", "calendar_version")}
    try:
        async with refusals(_field_of):
            comment = {"comment": text} if (text := form.raw("comment").strip()) else {}
            body = RolloutInput.model_validate(_fields(form) | seen | comment)

            async def start(session: Session) -> RolloutView:
                return await start_rollout(context, session, policy_id, body, caller.person_id)

            await create(context, form.keyed(caller, path), start, HTTP_202_ACCEPTED)
    except FormRefused as refused:
        view = refused_form(form, refused, _typed(form))
        return await _page(request, desk, context, caller, policy_id, view)
    async with context.database.begin() as session:
        newest = (await list_rollouts(session, policy_id, 1, None)).items[0]
    return desk.redirect(
        f"{path}/{newest.id}", ("success", gettext("The roll-out has begun. You may leave this page."))
    )


@router.get("/{rollout_id}")
async def show_rollout(
    request: Request, desk: TheDesk, context: State, caller: SlaPageCaller, policy_id: UUID, rollout_id: UUID
) -> Response:
    """How far it has come, and what became of tickets that could not get it. Raises Problem 404."""
    async with context.database.begin() as session:
        rollout = await get_rollout_view(session, policy_id, rollout_id)
        stored = await get_rollout(session, policy_id, rollout_id)
        wrong = await list_rollout_tickets(session, stored, WRONG, SHOWN, None)
        policy = policy_view(await get_current_policy(session, policy_id))
        names = {agent.id: agent.name for agent in await list_agents(session)}
    return desk.render(
        request,
        "admin/rollout.html",
        caller,
        policy=policy,
        rollout=rollout,
        wrong=wrong,
        names=names,
        modes=MODES,
        states=STATES,
        is_under_way=rollout.state in UNDER_WAY,
    )


@router.post("/{rollout_id}/revert")
async def post_revert(
    desk: TheDesk, context: State, caller: SlaPageCaller, policy_id: UUID, rollout_id: UUID, form: AdminForm
) -> Response:
    """Takes the roll-out back."""
    path = f"{PATH.replace('{policy_id}', str(policy_id))}/{rollout_id}"
    try:
        async with refusals():

            async def revert(session: Session) -> RolloutView:
                return await revert_rollout(session, policy_id, rollout_id, caller.person_id)

            await create(context, form.keyed(caller, f"{path}/revert"), revert, HTTP_202_ACCEPTED)
    except FormRefused as refused:
        return desk.redirect(path, ("danger", refused.notice))
    return desk.redirect(path, ("success", gettext("The roll-out is being taken back.")))


async def _page(
    request: Request,
    desk: DeskPages,
    context: AppState,
    caller: Caller,
    policy_id: UUID,
    view: FormView,
    found: Preview | None = None,
) -> Response:
    async with context.database.begin() as session:
        policy = policy_view(await get_current_policy(session, policy_id))
        rollouts = await list_rollouts(session, policy_id, SHOWN, None)
        teams = await list_teams(session)
        names = {agent.id: agent.name for agent in await list_agents(session)}
    return desk.render(
        request,
        "admin/rollouts.html",
        caller,
        view.status,
        notices=view.notices,
        policy=policy,
        mode_names=MODE_NAMES,
        states=STATES,
        rollouts=rollouts.items,
        view=view,
        modes=translated_options((mode.value, text) for mode, text in MODES.items()),
        teams=[(str(team.id), team.name) for team in teams],
        priorities=list(reversed(Priority)),
        statuses=OPEN,
        names=names,
        found=found,
    )


def _fields(form: SubmittedForm) -> dict[str, Any]:
    narrowed = {"team_id": form.optional("team_id"), "priority": form.all("priority"), "status": form.all("status")}
    return {"mode": form.text("mode"), "filter": {name: value for name, value in narrowed.items() if value}}


def _typed(form: SubmittedForm) -> dict[str, Any]:
    return form.typed | {name: form.all(name) for name in ("priority", "status")}


def _field_of(place: tuple[Any, ...]) -> str:
    return str(place[1] if place[0] == "filter" and len(place) > 1 else place[0])
