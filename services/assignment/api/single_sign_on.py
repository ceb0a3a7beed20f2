"""Routes of the connection to the identity provider."""

from uuid import UUID

from fastapi import APIRouter
from starlette.status import HTTP_204_NO_CONTENT

from services.assignment.access.single_sign_on.checks import check_connection
from services.assignment.access.single_sign_on.connection import change_connection, get_connection
from services.assignment.access.single_sign_on.links import list_links, remove_links
from services.assignment.deps import AgentsAdmin, State, TakesNothing
from services.assignment.schemas.single_sign_on import (
    ConnectionReport,
    ProviderLinkView,
    SingleSignOnPatch,
    SingleSignOnView,
)
from shared.kit.http.paging import Page
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


@router.get("/links", summary="Agents who are linked to the identity provider")
async def get_links(context: State, _: AgentsAdmin) -> Page[ProviderLinkView]:
    """By name, with the last time each signed in with it."""
    async with context.database.begin() as session:
        return Page(items=await list_links(session))


@router.delete("/links/{agent_id}", status_code=HTTP_204_NO_CONTENT, summary="Unlink an agent")
async def delete_links(context: State, caller: AgentsAdmin, agent_id: UUID) -> None:
    """Ends their sessions. Whoever next comes with their verified address is linked anew."""
    await remove_links(context, caller, agent_id)


@router.post("/test", summary="Test the connection", dependencies=[TakesNothing])
async def post_test(context: State, _: AgentsAdmin) -> ConnectionReport:
    """Asks the provider for its description and keys, and whether it knows the client. Changes nothing."""
    return await check_connection(context)
