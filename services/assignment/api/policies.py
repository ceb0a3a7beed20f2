"""Administration of SLA policies."""

from uuid import UUID

from fastapi import Response
from starlette.status import HTTP_201_CREATED

from services.assignment.commands.configuration.administration import create
from services.assignment.commands.configuration.policies import change_policy, create_policy, restore_policy
from services.assignment.deps import KeyedCall, SignedIn, SlaAdmin, State, TakesNothing, Version
from services.assignment.queries.administration.configuration import get_current_policy, list_policies, policy_view
from services.assignment.queries.administration.versions import (
    get_policy_version,
    list_policy_versions,
    policy_version_view,
)
from services.assignment.schemas.rules import PolicyInput, PolicyPatch, PolicyView
from services.assignment.schemas.versions import PolicyVersionView
from shared.kit.http.paging import Cursor, Limit, Page
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(prefix="/sla-policies", tags=["sla policies"], route_class=StrictJsonRoute)


@router.get("", summary="List SLA policies")
async def get_policies(context: State, _: SignedIn) -> Page[PolicyView]:
    """The newest version of each; any agent may need one for `change-policy`."""
    async with context.database.begin() as session:
        return Page(items=await list_policies(session))


@router.post("", response_model=PolicyView, status_code=HTTP_201_CREATED, summary="Add an SLA policy")
async def post_policy(context: State, _: SlaAdmin, call: KeyedCall, body: PolicyInput) -> Response:
    """Targets in seconds of the calendar's open time, or `{"working_days": n}`; null means no clock."""
    return await create(context, call, lambda session: create_policy(session, body, call.caller.person_id))


@router.get("/{policy_id}", summary="One SLA policy")
async def get_policy(context: State, _: SignedIn, policy_id: UUID) -> PolicyView:
    """The newest version."""
    async with context.database.begin() as session:
        return policy_view(await get_current_policy(session, policy_id))


@router.patch("/{policy_id}", summary="Change an SLA policy")
async def patch_policy(context: State, caller: SlaAdmin, policy_id: UUID, body: PolicyPatch) -> PolicyView:
    """Makes the next version; tickets keep theirs until `change-policy`."""
    return await change_policy(context, caller, policy_id, body)


@router.get("/{policy_id}/versions", summary="Every version of one SLA policy")
async def get_versions(
    context: State, _: SlaAdmin, policy_id: UUID, limit: Limit = 50, cursor: Cursor = None
) -> Page[PolicyVersionView]:
    """Newest first; nothing is ever lost."""
    async with context.database.begin() as session:
        return await list_policy_versions(session, policy_id, limit, cursor)


@router.get("/{policy_id}/versions/{version}", summary="One version of one SLA policy")
async def get_version(context: State, _: SlaAdmin, policy_id: UUID, version: Version) -> PolicyVersionView:
    """As it was, whatever the rules have become since."""
    async with context.database.begin() as session:
        return policy_version_view(await get_policy_version(session, policy_id, version))


@router.post(
    "/{policy_id}/versions/{version}/restore",
    response_model=PolicyView,
    status_code=HTTP_201_CREATED,
    dependencies=[TakesNothing],
    summary="Restore a version of one SLA policy",
)
async def post_restore(context: State, _: SlaAdmin, call: KeyedCall, policy_id: UUID, version: Version) -> Response:
    """Undoes a mistake: an earlier version becomes the newest, as a version of its own."""
    return await create(
        context, call, lambda session: restore_policy(session, policy_id, version, call.caller.person_id)
    )
