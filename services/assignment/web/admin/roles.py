"""Administration pages of roles: permissions as a grid, and how far they reach."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy import func, select

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import create
from services.assignment.commands.people.people import change_role, create_role
from services.assignment.deps import State
from services.assignment.models import Agent, Membership, Role
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.people.people import list_roles, role_view
from services.assignment.schemas.people import RoleInput, RolePatch, RoleView
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
from shared.contracts.vocabulary import Permission, Scope
from shared.kit.db import Session
from shared.kit.http.problems import not_found
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _

PATH = "/admin/roles"
router = HttpRouter(prefix=PATH, route_class=DeskPageRoute)

SCOPES: Mapping[Scope, tuple[str, str]] = {
    Scope.ALL: (_("All tickets"), _("Every ticket of every team")),
    Scope.TEAMS: (_("Tickets of the team"), _("Tickets of the team in which an agent has the role")),
    Scope.ASSIGNED: (_("Own tickets"), _("Tickets assigned to the agent")),
}
PERMISSION_GROUPS: Mapping[str, Mapping[Permission, str]] = {
    _("Tickets"): {
        Permission.TICKET_VIEW: _("View"),
        Permission.TICKET_CREATE: _("Create"),
        Permission.TICKET_EDIT: _("Edit: priority, due date, policy, waiting states"),
        Permission.TICKET_ASSIGN: _("Assign to an agent"),
        Permission.TICKET_CLAIM: _("Claim"),
        Permission.TICKET_RELEASE: _("Release"),
        Permission.TICKET_TRANSFER: _("Transfer to another team"),
        Permission.TICKET_REPLY: _("Reply to the requester"),
        Permission.TICKET_NOTE: _("Write internal notes"),
        Permission.TICKET_TAG: _("Tag"),
        Permission.TICKET_MERGE: _("Merge and split"),
        Permission.TICKET_RESOLVE: _("Resolve"),
        Permission.TICKET_CLOSE: _("Close"),
        Permission.TICKET_REOPEN: _("Reopen"),
    },
    _("Reports"): {Permission.REPORT_VIEW: _("See SLA and team reports")},
    _("Administration"): {
        Permission.ADMIN_AGENTS: _("Agents and roles"),
        Permission.ADMIN_TEAMS: _("Teams"),
        Permission.ADMIN_SLA: _("SLA policies and calendars"),
        Permission.ADMIN_ROUTING: _("Routing rules"),
        Permission.ADMIN_CANNED: _("Canned responses"),
        Permission.ADMIN_INTAKE: _("Topics, announcements, bans and API keys"),
        Permission.ADMIN_NOTIFICATION: _("Notification"),
    },
}


@router.get("")
async def show_roles(request: Request, desk: TheDesk, context: State, caller: AgentsPageCaller) -> Response:
    """Every role beside every permission."""
    async with context.database.begin() as session:
        roles = await list_roles(session)
        holders = await _count_holders(session)
    return desk.render(
        request, "admin/roles.html", caller, roles=roles, holders=holders, scopes=SCOPES, groups=PERMISSION_GROUPS
    )


@router.get("/new")
async def show_new_role(request: Request, desk: TheDesk, caller: AgentsPageCaller) -> Response:
    """An empty form."""
    values = {"scope": Scope.TEAMS.value, "permissions": [Permission.TICKET_VIEW.value]}
    return _form_page(request, desk, caller, None, fresh_form(values))


@router.post("/new")
async def post_role(
    request: Request, desk: TheDesk, context: State, caller: AgentsPageCaller, form: AdminForm
) -> Response:
    """Adds the role, or shows the form again."""
    try:
        async with refusals():
            body = RoleInput.model_validate(_fields(form))
            await create(context, form.keyed(caller, PATH), lambda session: create_role(session, body))
    except FormRefused as refused:
        return _form_page(request, desk, caller, None, refused_form(form, refused, _fields(form)))
    return desk.redirect(PATH, ("success", gettext("The role %(name)s was added.", name=body.name)))


@router.get("/{role_id}")
async def show_role(
    request: Request, desk: TheDesk, context: State, caller: AgentsPageCaller, role_id: UUID
) -> Response:
    """The form of one role. Raises Problem 404."""
    role = await _get_role(context, role_id)
    return _form_page(request, desk, caller, role, fresh_form(_values_of(role)))


@router.post("/{role_id}")
async def post_changes(
    request: Request, desk: TheDesk, context: State, caller: AgentsPageCaller, role_id: UUID, form: AdminForm
) -> Response:
    """Saves the form for everybody who has the role, from their next request on."""
    role = await _get_role(context, role_id)
    try:
        async with refusals():
            check_unchanged(form, role.version)
            body = RolePatch.model_validate(_fields(form))
            await change_role(context, caller, role_id, body)
    except FormRefused as refused:
        return _form_page(request, desk, caller, role, refused_form(form, refused, _fields(form)))
    return desk.redirect(
        PATH,
        ("success", gettext("The role %(name)s was saved. It counts from everybody's next request.", name=body.name)),
    )


async def _get_role(context: AppState, role_id: UUID) -> RoleView:
    async with context.database.begin() as session:
        role = await session.get(Role, role_id)
    if role is None:
        raise not_found("role")
    return role_view(role)


async def _count_holders(session: Session) -> dict[UUID, int]:
    """How many active agents have each role somewhere."""
    count = func.count(Membership.agent_id.distinct())
    query = (
        select(Membership.role_id, count)
        .join(Agent, Agent.id == Membership.agent_id)
        .where(Agent.is_active)
        .group_by(Membership.role_id)
    )
    return dict((await session.execute(query)).tuples().all())


def _form_page(request: Request, desk: DeskPages, caller: Caller, role: RoleView | None, view: FormView) -> Response:
    return desk.render(
        request,
        "admin/role.html",
        caller,
        view.status,
        notices=view.notices,
        role=role,
        view=view,
        scopes=SCOPES,
        groups=PERMISSION_GROUPS,
    )


def _fields(form: SubmittedForm) -> dict[str, Any]:
    return {
        "name": form.text("name"),
        "scope": form.text("scope"),
        "permissions": form.all("permissions"),
        "requires_second_factor": form.is_ticked("requires_second_factor"),
    }


def _values_of(role: RoleView) -> dict[str, Any]:
    return {
        "name": role.name,
        "scope": role.scope.value,
        "permissions": [permission.value for permission in role.permissions],
        "requires_second_factor": role.requires_second_factor,
        "version": role.version,
    }
