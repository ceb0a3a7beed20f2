"""The connection to the organisation's identity provider."""

from fastapi import APIRouter

from services.assignment.access.single_sign_on.checks import check_connection
from services.assignment.access.single_sign_on.connection import change_connection, get_connection
from services.assignment.deps import AgentsAdmin, State, TakesNothing
from services.assignment.schemas.single_sign_on import ConnectionReport, SingleSignOnPatch, SingleSignOnView
from shared.kit.http.strict_json import StrictJsonRoute

router = APIRouter(prefix="/single-sign-on", tags=["single sign-on"], route_class=StrictJsonRoute)


@router.get("", summary="The connection to the identity provider")
async def read_single_sign_on(context: State, _: AgentsAdmin) -> SingleSignOnView:
    """Without the client's secret."""
    async with context.database.begin() as session:
        return (await get_connection(session, context.settings)).view


@router.patch("", summary="Change the connection to the identity provider")
async def patch_single_sign_on(context: State, caller: AgentsAdmin, body: SingleSignOnPatch) -> SingleSignOnView:
    """Takes everybody's rights: whoever names the provider decides who is let in as whom."""
    return await change_connection(context, caller, body)


@router.post("/test", summary="Test the connection", dependencies=[TakesNothing])
async def post_test(context: State, _: AgentsAdmin) -> ConnectionReport:
    """Asks the provider for its description and keys, and whether it knows the client. Changes nothing."""
    return await check_connection(context)
