"""Routes of event tokens, for administrators."""

from uuid import UUID

from fastapi import Response
from starlette.status import HTTP_201_CREATED, HTTP_204_NO_CONTENT

from services.notification.deps import By, State
from services.notification.event_tokens.schemas import CreateEventToken, EventTokenView, EventTokenWithSecret
from services.notification.event_tokens.tokens import list_tokens, make_token, revoke_token
from shared.kit.http.app import canonical
from shared.kit.http.idempotency import IdempotencyKey, fingerprint, idempotent_transaction
from shared.kit.http.paging import Page
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(prefix="/event-tokens", tags=["events"], route_class=StrictJsonRoute)


@router.post("", status_code=HTTP_201_CREATED, response_model=EventTokenWithSecret)
async def create(request: CreateEventToken, by: By, state: State, key: IdempotencyKey = None) -> Response:
    """Makes a token for a program. It is in this answer only."""
    content = fingerprint(canonical(request.model_dump(mode="json")))
    async with idempotent_transaction(state.database, f"{by.id}:event-token", key, content) as guarded:
        if guarded.stored is not None:
            return guarded.stored
        made, token = await make_token(guarded.session, by, request)
        await guarded.store(EventTokenWithSecret.of(made, None).model_dump_json().encode(), HTTP_201_CREATED)
    shown = EventTokenWithSecret.of(made, token).model_dump_json()
    return Response(shown, HTTP_201_CREATED, {"Cache-Control": "no-store"}, media_type="application/json")


@router.get("")
async def list_all(state: State) -> Page[EventTokenView]:
    """Lists all tokens, newest first, revoked ones too."""
    async with state.database.begin() as session:
        return Page(items=list(await list_tokens(session)))


@router.delete("/{token_id}", status_code=HTTP_204_NO_CONTENT)
async def revoke(token_id: UUID, by: By, state: State) -> None:
    """Ends a token, from its next request on."""
    async with state.database.begin() as session:
        await revoke_token(session, by, token_id)
