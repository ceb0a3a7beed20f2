"""Administration pages of agents: a searchable list, and a form for one agent."""

from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Query, Request, Response

from services.assignment.access.agent_access import add_agent
from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import create
from services.assignment.commands.people.people import change_agent
from services.assignment.deps import State
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.administration import deactivation
from services.assignment.queries.administration.configuration import list_calendars
from services.assignment.queries.people.agent_lists import AgentState, list_agent_page
from services.assignment.queries.people.people import get_agent_view, list_agents, list_roles, list_teams
from services.assignment.schemas.people import AgentInput, AgentPatch, AgentView
from services.assignment.web.admin.agent_abilities import (
    ability_fields,
    ability_values,
    absence_count,
    field_of_ability,
)
from services.assignment.web.admin.sections import AgentsPageCaller
from services.assignment.web.admin.submitted_form import (
    AdminForm,
    FormRefused,
    FormView,
    SubmittedForm,
    check_unchanged,
    fresh_form,
    refusals,
    refused_form,
)
from services.assignment.web.page_base import DeskPageRoute, DeskPages, TheDesk
from shared.contracts.vocabulary import Availability, Priority
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.vocabulary import priority_name

PATH = "/admin/agents"
router = HttpRouter(prefix=PATH, route_class=DeskPageRoute)

ROLE_IN = "role-"
"""Before a team's id: the field that holds the agent's role in it."""


@router.get("")
async def show_agents(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: AgentsPageCaller,
    q: Annotated[str, Query(max_length=254)] = "",
    state: str = "active",
    cursor: Annotated[str | None, Query(max_length=1024)] = None,
) -> Response:
    """A page of agents by name."""
    wanted = AgentState(state) if state in set(AgentState) else AgentState.ACTIVE
    words = q.strip() if q.isprintable() else ""
    async with context.database.begin() as session:
        page = await list_agent_page(session, words, wanted, cursor)
    following = {"q": words, "state": wanted.value, "cursor": page.next_cursor}
    return desk.render(
        request,
        "admin/agents.html",
        caller,
        page=page,
        q=words,
        state=wanted.value,
        states=[(one.value, gettext(one.value.capitalize())) for one in AgentState],
        next_url=f"{PATH}?{urlencode(following)}" if page.next_cursor else None,
    )


@router.get("/new")
async def show_new_agent(request: Request, desk: TheDesk, context: State, caller: AgentsPageCaller) -> Response:
    """An empty form."""
    return await _form_page(
        request, desk, context, caller, None, fresh_form({"availability": Availability.ONLINE.value, "weight": 1})
    )


@router.post("/new")
async def post_agent(
    request: Request, desk: TheDesk, context: State, caller: AgentsPageCaller, form: AdminForm
) -> Response:
    """Adds the agent, or shows the form again."""
    try:
        async with refusals(_field):
            body = AgentInput.model_validate(
                {"email": form.text("email"), "password": form.raw("password") or None} | _common(form)
            )
            await create(
                context,
                form.keyed(caller, PATH),
                lambda session: add_agent(session, context.settings, caller, body),
            )
    except FormRefused as refused:
        return await _form_page(request, desk, context, caller, None, refused_form(form, refused, form.typed))
    added = (
        gettext("%(name)s was added.", name=body.name)
        if body.password
        else gettext(
            "%(name)s was added. A mail with a link to choose a password is on its way to them.", name=body.name
        )
    )
    return desk.redirect(PATH, ("success", added))


@router.get("/{agent_id}")
async def show_agent(
    request: Request, desk: TheDesk, context: State, caller: AgentsPageCaller, agent_id: UUID
) -> Response:
    """The form of one agent. Raises Problem 404."""
    async with context.database.begin() as session:
        agent = await get_agent_view(session, agent_id)
    return await _form_page(request, desk, context, caller, agent, fresh_form(_values_of(agent)))


@router.post("/{agent_id}")
async def post_changes(
    request: Request, desk: TheDesk, context: State, caller: AgentsPageCaller, agent_id: UUID, form: AdminForm
) -> Response:
    """Saves the form, or shows it again. A new password ends the agent's sessions."""
    async with context.database.begin() as session:
        agent = await get_agent_view(session, agent_id)
    try:
        async with refusals(_field):
            check_unchanged(form, agent.version)
            password = {"password": form.raw("password")} if form.raw("password") else {}
            body = AgentPatch.model_validate({"email": form.text("email")} | _common(form) | password)
            await change_agent(context, caller, agent_id, body)
    except FormRefused as refused:
        return await _form_page(request, desk, context, caller, agent, refused_form(form, refused, form.typed))
    return desk.redirect(PATH, ("success", gettext("%(name)s was saved.", name=form.text("name"))))


@router.post("/{agent_id}/activity")
async def post_activity(
    desk: TheDesk, context: State, caller: AgentsPageCaller, agent_id: UUID, form: AdminForm
) -> Response:
    """Deactivates the agent, or activates them again."""
    is_active = form.is_ticked("is_active")
    try:
        async with refusals():
            agent = await change_agent(context, caller, agent_id, AgentPatch(is_active=is_active))
    except FormRefused as refused:
        return desk.redirect(f"{PATH}/{agent_id}", ("danger", refused.notice))
    done = (
        gettext("%(name)s is active again.", name=agent.name)
        if is_active
        else gettext("%(name)s was deactivated. Their open tickets go back to their teams.", name=agent.name)
    )
    return desk.redirect(PATH, ("success", done))


async def _form_page(
    request: Request, desk: DeskPages, context: AppState, caller: Caller, agent: AgentView | None, view: FormView
) -> Response:
    async with context.database.begin() as session:
        teams = await list_teams(session)
        roles = await list_roles(session)
        calendars, agents = await list_calendars(session), await list_agents(session)
        consequences = await deactivation.of_agent(session, caller, agent.id) if agent and agent.is_active else None
    memberships = {membership.team_id for membership in agent.memberships} if agent else set()
    return desk.render(
        request,
        "admin/agent.html",
        caller,
        view.status,
        notices=view.notices,
        agent=agent,
        view=view,
        teams=[team for team in teams if team.is_active or team.id in memberships],
        roles=[(str(role.id), role.name) for role in roles],
        availabilities=[(one.value, gettext(one.value.capitalize())) for one in Availability],
        calendars=[(one.slug, one.name) for one in calendars],
        colleagues=[(str(one.id), one.name) for one in agents if one.is_active and not (agent and one.id == agent.id)],
        absence_count=absence_count(view),
        priorities=[(one.value, priority_name(one)) for one in reversed(Priority)],
        consequences=consequences,
    )


def _common(form: SubmittedForm) -> dict[str, Any]:
    roles = {name.removeprefix(ROLE_IN): form.text(name) for name in form.fields if name.startswith(ROLE_IN)}
    return {
        "name": form.text("name"),
        **ability_fields(form),
        "memberships": [{"team_id": team, "role_id": role} for team, role in roles.items() if role],
    }


def _values_of(agent: AgentView) -> dict[str, Any]:
    roles = {f"{ROLE_IN}{membership.team_id}": str(membership.role_id) for membership in agent.memberships}
    return {
        "name": agent.name,
        "email": agent.email,
        **ability_values(agent),
        "version": agent.version,
        **roles,
    }


def _field(place: tuple[Any, ...]) -> str:
    return field_of_ability(place)
