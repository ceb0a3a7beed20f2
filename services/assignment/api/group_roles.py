"""Routes of the mapping from directory groups to roles."""

from services.assignment.access.group_roles import get_group_roles, replace_group_roles
from services.assignment.deps import AgentsAdmin, State
from services.assignment.schemas.provisioning import GroupRolesInput, GroupRolesView
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(prefix="/group-roles", tags=["single sign-on"], route_class=StrictJsonRoute)


@router.get("", summary="What the directory's groups stand for")
async def read_group_roles(context: State, _: AgentsAdmin) -> GroupRolesView:
    """In the order in which they count."""
    async with context.database.begin() as session:
        return await get_group_roles(session)


@router.put("", summary="Say anew what the directory's groups stand for")
async def put_group_roles(context: State, caller: AgentsAdmin, body: GroupRolesInput) -> GroupRolesView:
    """Replaces them all. Members of SCIM's groups get the roles at once, others when they next sign in."""
    return await replace_group_roles(context, caller, body)
