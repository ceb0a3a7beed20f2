"""Routes of service tokens: create, list, revoke, take over."""

from uuid import UUID

from fastapi import Response
from starlette.status import HTTP_201_CREATED

from services.assignment.access.service_tokens import (
    create_service_token,
    get_service_token,
    list_service_tokens,
    revoke_service_token,
    take_over_service_token,
)
from services.assignment.deps import AgentsAdmin, KeyedCall, State, TakesNothing
from services.assignment.schemas.service_tokens import CreatedServiceToken, ServiceTokenInput, ServiceTokenView
from shared.kit.http.paging import Page
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(prefix="/service-tokens", tags=["service tokens"], route_class=StrictJsonRoute)


@router.get("", summary="List service tokens")
async def get_service_tokens(context: State, _: AgentsAdmin) -> Page[ServiceTokenView]:
    """Every token, the newest first, with its last use; revoked ones too, and never a secret."""
    async with context.database.begin() as session:
        return Page(items=await list_service_tokens(session))


@router.post("", status_code=HTTP_201_CREATED, summary="Make a service token")
async def post_service_token(
    response: Response, context: State, _: AgentsAdmin, call: KeyedCall, body: ServiceTokenInput
) -> CreatedServiceToken:
    """The token is shown in this answer only: a repetition of the answer is without it."""
    response.headers["Cache-Control"] = "no-store"
    return await create_service_token(context, call, body)


@router.get("/{token_id}", summary="One service token")
async def get_one_service_token(context: State, _: AgentsAdmin, token_id: UUID) -> ServiceTokenView:
    """Without its secret, which is kept nowhere."""
    async with context.database.begin() as session:
        return await get_service_token(session, token_id)


@router.delete("/{token_id}", summary="Revoke a service token")
async def delete_service_token(context: State, caller: AgentsAdmin, token_id: UUID) -> ServiceTokenView:
    """It stops working with the next request, for good; what was done with it stays on record."""
    return await revoke_service_token(context, caller, token_id)


@router.post("/{token_id}/take-over", summary="Become a token's owner", dependencies=[TakesNothing])
async def post_take_over(context: State, caller: AgentsAdmin, token_id: UUID) -> ServiceTokenView:
    """Before its owner leaves. You need every permission that the token has."""
    return await take_over_service_token(context, caller, token_id)
