"""Administration pages of teams."""

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import UUID

from fastapi import Request, Response

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import create
from services.assignment.commands.people.people import change_team, create_team
from services.assignment.deps import State
from services.assignment.models import Team
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.administration import deactivation
from services.assignment.queries.administration.configuration import list_calendars, list_policies
from services.assignment.queries.people.people import list_agents, list_teams, team_view
from services.assignment.queries.people.team_lists import count_members, names_of
from services.assignment.schemas.people import TeamInputNew, TeamPatch, TeamView
from services.assignment.web.admin.sections import TeamsPageCaller
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
from services.assignment.web.admin.team_choice import HANDOVERS, STRATEGIES, choice_fields, choice_values
from services.assignment.web.page_base import DeskPageRoute, DeskPages, TheDesk
from shared.kit.http.problems import not_found
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext, translated_options

PATH = "/admin/teams"
router = HttpRouter(prefix=PATH, route_class=DeskPageRoute)


@router.get("")
async def show_teams(request: Request, desk: TheDesk, context: State, caller: TeamsPageCaller) -> Response:
    """Every team with its lead and its members."""
    async with context.database.begin() as session:
        teams = await list_teams(session)
        names = await names_of(session, {team.lead_id for team in teams if team.lead_id})
        members = await count_members(session)
    return desk.render(request, "admin/teams.html", caller, teams=list(_as_tree(teams)), names=names, members=members)


@router.get("/new")
async def show_new_team(request: Request, desk: TheDesk, context: State, caller: TeamsPageCaller) -> Response:
    """An empty form."""
    return await _form_page(request, desk, context, caller, None, fresh_form())


@router.post("/new")
async def post_team(
    request: Request, desk: TheDesk, context: State, caller: TeamsPageCaller, form: AdminForm
) -> Response:
    """Adds the team, or shows the form again."""
    try:
        async with refusals():
            body = TeamInputNew.model_validate(_fields(form))
            await create(context, form.keyed(caller, PATH), lambda session: create_team(session, caller, body))
    except FormRefused as refused:
        return await _form_page(request, desk, context, caller, None, refused_form(form, refused, form.typed))
    return desk.redirect(
        PATH, ("success", gettext("%(name)s was added. Give agents a role in it on their pages.", name=body.name))
    )


@router.get("/{team_id}")
async def show_team(
    request: Request, desk: TheDesk, context: State, caller: TeamsPageCaller, team_id: UUID
) -> Response:
    """The form of one team. Raises Problem 404."""
    team = await _get_team(context, team_id)
    return await _form_page(request, desk, context, caller, team, fresh_form(_values_of(team)))


@router.post("/{team_id}")
async def post_changes(
    request: Request, desk: TheDesk, context: State, caller: TeamsPageCaller, team_id: UUID, form: AdminForm
) -> Response:
    """Saves the form, or shows it again."""
    team = await _get_team(context, team_id)
    try:
        async with refusals():
            check_unchanged(form, team.version)
            fallback = {"is_fallback": True} if form.is_ticked("is_fallback") and not team.is_fallback else {}
            body = TeamPatch.model_validate(_fields(form) | fallback)
            await change_team(context, caller, team_id, body)
    except FormRefused as refused:
        return await _form_page(request, desk, context, caller, team, refused_form(form, refused, form.typed))
    return desk.redirect(PATH, ("success", gettext("%(name)s was saved.", name=body.name)))


@router.post("/{team_id}/activity")
async def post_activity(
    request: Request, desk: TheDesk, context: State, caller: TeamsPageCaller, team_id: UUID, form: AdminForm
) -> Response:
    """Deactivates the team, handing over what points to it, or activates it again."""
    team = await _get_team(context, team_id)
    is_active = form.is_ticked("is_active")
    successor = form.optional("reassign_to")
    try:
        async with refusals():
            sent = {"is_active": is_active} | ({"reassign_to": successor} if successor and not is_active else {})
            await change_team(context, caller, team_id, TeamPatch.model_validate(sent))
    except FormRefused as refused:
        values = _values_of(team) | {"reassign_to": successor or ""}
        return await _form_page(request, desk, context, caller, team, refused_form(form, refused, values))
    done = (
        gettext("%(name)s is active again.", name=team.name)
        if is_active
        else gettext("%(name)s was deactivated.", name=team.name)
    )
    return desk.redirect(PATH, ("success", done))


async def _get_team(context: AppState, team_id: UUID) -> TeamView:
    async with context.database.begin() as session:
        team = await session.get(Team, team_id)
    if team is None:
        raise not_found("team")
    return team_view(team)


async def _form_page(
    request: Request, desk: DeskPages, context: AppState, caller: Caller, team: TeamView | None, view: FormView
) -> Response:
    async with context.database.begin() as session:
        agents = await list_agents(session)
        teams = await list_teams(session)
        policies, calendars = await list_policies(session), await list_calendars(session)
        stored = await session.get(Team, team.id) if team else None
        consequences = await deactivation.of_team(session, stored) if stored and stored.is_active else None
    members = [
        (agent, membership.role)
        for agent in agents
        for membership in agent.memberships
        if team and membership.team_id == team.id and agent.is_active
    ]
    return desk.render(
        request,
        "admin/team.html",
        caller,
        view.status,
        notices=view.notices,
        team=team,
        view=view,
        members=members,
        strategies=translated_options(STRATEGIES),
        handovers=translated_options(HANDOVERS),
        agents=[
            (str(agent.id), agent.name) for agent in agents if agent.is_active or (team and agent.id == team.lead_id)
        ],
        parents=_parents_for(team, teams),
        policies=[(str(one.id), one.name) for one in policies if one.is_active or one.id == (team and team.policy_id)],
        calendars=[(one.slug, one.name) for one in calendars],
        parts=[one for one in teams if team and one.parent_id == team.id],
        others=[(str(one.id), one.name) for one in teams if one.is_active and team and one.id != team.id],
        consequences=consequences,
    )


def _parents_for(team: TeamView | None, teams: Sequence[TeamView]) -> list[tuple[str, str]]:
    """Every team that this one could be part of: not itself, and none below it."""
    below = {team.id} if team else set()
    while more := {one.id for one in teams if one.parent_id in below} - below:
        below |= more
    return [
        (str(one.id), one.name)
        for one in teams
        if one.id not in below and (one.is_active or one.id == (team and team.parent_id))
    ]


def _as_tree(teams: Sequence[TeamView], parent: UUID | None = None, depth: int = 0) -> Iterator[tuple[TeamView, int]]:
    """Each team right below the one that it is part of, with how deep it stands."""
    for team in teams:
        if team.parent_id == parent:
            yield team, depth
            yield from _as_tree(teams, team.id, depth + 1)


def _fields(form: SubmittedForm) -> dict[str, Any]:
    named = {"slug": form.text("slug"), "name": form.text("name")} | choice_fields(form)
    return named | {name: form.optional(name) for name in ("lead_id", "parent_id", "policy_id", "calendar")}


def _values_of(team: TeamView) -> dict[str, Any]:
    return {
        "slug": team.slug,
        "name": team.name,
        **{name: getattr(team, name) or "" for name in ("lead_id", "parent_id", "policy_id", "calendar")},
        **choice_values(team),
        "is_fallback": team.is_fallback,
        "version": team.version,
    }
