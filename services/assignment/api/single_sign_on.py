"""Routes of the connections to identity providers."""

from typing import Annotated
from uuid import UUID

from fastapi import Path
from starlette.status import HTTP_201_CREATED, HTTP_204_NO_CONTENT

from services.assignment.access.group_roles import get_group_roles, replace_group_roles
from services.assignment.access.single_sign_on.checks import check_connection
from services.assignment.access.single_sign_on.connection import (
    add_provider,
    change_connection,
    get_connection,
    list_connections,
    remove_provider,
)
from services.assignment.access.single_sign_on.links import list_links, remove_links
from services.assignment.deps import AgentsAdmin, State, TakesNothing
from services.assignment.schemas.provisioning import GroupRolesInput, GroupRolesView
from services.assignment.schemas.single_sign_on import (
    FIRST,
    ConnectionReport,
    NewProvider,
    ProviderLinkView,
    SingleSignOnPatch,
    SingleSignOnView,
)
from shared.kit.http.paging import Page
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(prefix="/single-sign-on", tags=["single sign-on"], route_class=StrictJsonRoute)
ProviderNumber = Annotated[int, Path(ge=1, le=9999, description="The number of the provider; 1 is the first.")]


@router.get("", summary="The connection to the first identity provider")
async def read_single_sign_on(context: State, _: AgentsAdmin) -> SingleSignOnView:
    """Without the client's secret."""
    async with context.database.begin() as session:
        return (await get_connection(session, context.settings)).view


@router.patch("", summary="Change the connection to the first identity provider")
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


@router.post("/test", summary="Test the connection to the first identity provider", dependencies=[TakesNothing])
async def post_test(context: State, _: AgentsAdmin) -> ConnectionReport:
    """Asks the provider for its description and keys, and whether it knows the client. Changes nothing."""
    return await check_connection(context, FIRST)


@router.get("/providers", summary="All identity providers")
async def get_providers(context: State, _: AgentsAdmin) -> Page[SingleSignOnView]:
    """By number, without the clients' secrets; the first is there even while it is not set up."""
    async with context.database.begin() as session:
        return Page(items=[one.view for one in await list_connections(session, context.settings)])


@router.post("/providers", status_code=HTTP_201_CREATED, summary="Add an identity provider")
async def post_provider(context: State, caller: AgentsAdmin, body: NewProvider) -> SingleSignOnView:
    """Takes everybody's rights, as a change does."""
    return await add_provider(context, caller, body)


@router.get("/providers/{provider}", summary="The connection to an identity provider")
async def get_provider(context: State, _: AgentsAdmin, provider: ProviderNumber) -> SingleSignOnView:
    """Without the client's secret."""
    async with context.database.begin() as session:
        return (await get_connection(session, context.settings, provider)).view


@router.patch("/providers/{provider}", summary="Change the connection to an identity provider")
async def patch_provider(
    context: State, caller: AgentsAdmin, provider: ProviderNumber, body: SingleSignOnPatch
) -> SingleSignOnView:
    """Takes everybody's rights: whoever names the provider decides who is let in as whom."""
    return await change_connection(context, caller, body, provider)


@router.delete("/providers/{provider}", status_code=HTTP_204_NO_CONTENT, summary="Remove an identity provider")
async def delete_provider(context: State, caller: AgentsAdmin, provider: ProviderNumber) -> None:
    """Ends the sessions that began there. The first cannot be removed, but switched off."""
    await remove_provider(context, caller, provider)


@router.post(
    "/providers/{provider}/test", summary="Test the connection to an identity provider", dependencies=[TakesNothing]
)
async def post_provider_test(context: State, _: AgentsAdmin, provider: ProviderNumber) -> ConnectionReport:
    """Asks the provider for its description and keys, and whether it knows the client. Changes nothing."""
    return await check_connection(context, provider)


@router.get("/providers/{provider}/group-roles", summary="What the groups of an identity provider stand for")
async def get_provider_groups(context: State, _: AgentsAdmin, provider: ProviderNumber) -> GroupRolesView:
    """Those of the first are SCIM's groups as well."""
    async with context.database.begin() as session:
        await get_connection(session, context.settings, provider)
        return await get_group_roles(session, provider)


@router.put("/providers/{provider}/group-roles", summary="Say what the groups of an identity provider stand for")
async def put_provider_groups(
    context: State, caller: AgentsAdmin, provider: ProviderNumber, body: GroupRolesInput
) -> GroupRolesView:
    """Replaces all of them. Nobody gives a role with rights that they do not have."""
    return await replace_group_roles(context, caller, body, provider)
