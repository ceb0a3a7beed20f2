"""Administration of roles."""

from uuid import UUID

from fastapi import Response
from starlette.status import HTTP_201_CREATED

from services.assignment.commands.configuration.administration import create
from services.assignment.commands.people.people import change_role, create_role
from services.assignment.deps import AgentsAdmin, KeyedCall, State
from services.assignment.models import Role
from services.assignment.queries.people.people import list_roles, role_view
from services.assignment.schemas.people import RoleInput, RolePatch, RoleView
from shared.kit.http.paging import Page
from shared.kit.http.problems import not_found
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(prefix="/roles", tags=["roles"], route_class=StrictJsonRoute)


@router.get("", summary="List roles")
async def get_roles(context: State, _: AgentsAdmin) -> Page[RoleView]:
    """Every role."""
    async with context.database.begin() as session:
        return Page(items=await list_roles(session))


@router.post("", response_model=RoleView, status_code=HTTP_201_CREATED, summary="Add a role")
async def post_role(context: State, _: AgentsAdmin, call: KeyedCall, body: RoleInput) -> Response:
    """A set of permissions and how far they reach."""
    return await create(context, call, lambda session: create_role(session, body))


@router.get("/{role_id}", summary="One role")
async def get_role(context: State, _: AgentsAdmin, role_id: UUID) -> RoleView:
    """A role."""
    async with context.database.begin() as session:
        role = await session.get(Role, role_id)
    if role is None:
        raise not_found("role")
    return role_view(role)


@router.patch("/{role_id}", summary="Change a role")
async def patch_role(context: State, caller: AgentsAdmin, role_id: UUID, body: RolePatch) -> RoleView:
    """Takes effect at once for everybody who has it."""
    return await change_role(context, caller, role_id, body)
