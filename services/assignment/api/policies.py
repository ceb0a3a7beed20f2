"""Administration of SLA policies."""

from uuid import UUID

from fastapi import APIRouter, Response
from starlette.status import HTTP_201_CREATED

from services.assignment.commands.administration import create
from services.assignment.commands.rules import change_policy, create_policy
from services.assignment.deps import Ctx, KeyedCall, SignedIn, SlaAdmin
from services.assignment.queries.rules import get_current_policy, list_policies, policy_view
from services.assignment.schemas.rules import PolicyInput, PolicyPatch, PolicyView
from shared.kit.http.paging import Page
from shared.kit.http.strict_json import StrictJsonRoute

router = APIRouter(prefix="/sla-policies", tags=["sla policies"], route_class=StrictJsonRoute)


@router.get("", summary="List SLA policies")
async def get_policies(context: Ctx, _: SignedIn) -> Page[PolicyView]:
    """The newest version of each; any agent may need one for `change-policy`."""
    async with context.database.begin() as session:
        return Page(items=await list_policies(session))


@router.post("", response_model=PolicyView, status_code=HTTP_201_CREATED, summary="Add an SLA policy")
async def post_policy(context: Ctx, _: SlaAdmin, call: KeyedCall, body: PolicyInput) -> Response:
    """Targets in seconds of the calendar's open time; null means no clock."""
    return await create(context, call, lambda session: create_policy(session, body))


@router.get("/{policy_id}", summary="One SLA policy")
async def get_policy(context: Ctx, _: SignedIn, policy_id: UUID) -> PolicyView:
    """The newest version."""
    async with context.database.begin() as session:
        return policy_view(await get_current_policy(session, policy_id))


@router.patch("/{policy_id}", summary="Change an SLA policy")
async def patch_policy(context: Ctx, _: SlaAdmin, policy_id: UUID, body: PolicyPatch) -> PolicyView:
    """Makes the next version; tickets keep theirs until `change-policy`."""
    return await change_policy(context, policy_id, body)
