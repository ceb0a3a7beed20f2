"""Closing and reopening by the client program, on the requester's behalf."""

from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel

from services.intake.access.api_key_cache import KnownKey
from services.intake.api.authentication import Replier
from services.intake.api.route import ApiRoute, answer
from services.intake.app_state import AppState
from services.intake.commands.change_status import change_status
from services.intake.deps import State
from services.intake.queries.tickets import get_ticket
from services.intake.schemas import CloseRequest, NoContent, TicketView
from shared.contracts.base import TicketId
from shared.contracts.commands import CloseTicket, ReopenTicket
from shared.contracts.tickets import Actor
from shared.contracts.vocabulary import ActorKind
from shared.kit.http.app import canonical
from shared.kit.http.etags import IfMatch, etag_of, revision_of
from shared.kit.http.idempotency import IdempotencyKey, fingerprint, idempotent_transaction
from shared.kit.tickets import command_id

CLIENT = Actor(kind=ActorKind.CLIENT)
router = APIRouter(prefix="/v1", route_class=ApiRoute, tags=["tickets"])


@router.post("/tickets/{ticket_id}/close", response_model=TicketView)
async def close(
    ticket_id: UUID,
    key: Replier,
    state: State,
    request: CloseRequest | None = None,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """The requester no longer needs help."""
    asked = request or CloseRequest()
    command = CloseTicket(
        command_id=command_id(key.key_id, "close", TicketId(ticket_id), idempotency_key),
        actor=CLIENT,
        expected_revision=revision_of(if_match),
        reason=asked.reason,
    )
    return await _carry_out(state, key, ticket_id, command, asked, idempotency_key)


@router.post("/tickets/{ticket_id}/reopen", response_model=TicketView)
async def reopen(
    ticket_id: UUID,
    key: Replier,
    state: State,
    request: NoContent | None = None,
    if_match: IfMatch = None,
    idempotency_key: IdempotencyKey = None,
) -> Response:
    """The requester needs help after all."""
    command = ReopenTicket(
        command_id=command_id(key.key_id, "reopen", TicketId(ticket_id), idempotency_key),
        actor=CLIENT,
        expected_revision=revision_of(if_match),
    )
    return await _carry_out(state, key, ticket_id, command, request or NoContent(), idempotency_key)


async def _carry_out(
    state: AppState,
    key: KnownKey,
    ticket_id: UUID,
    command: CloseTicket | ReopenTicket,
    asked: BaseModel,
    idempotency_key: str | None,
) -> Response:
    """Asks the workflow between two short transactions: the first looks for a stored answer, the second stores it."""
    scope, content = f"{key.key_id}:{command.kind}:{ticket_id}", fingerprint(canonical(asked.model_dump(mode="json")))
    async with idempotent_transaction(state.database, scope, idempotency_key, content) as before:
        if before.stored:
            return before.stored
        await get_ticket(before.session, ticket_id, key.key_id)
    await change_status(state.database, state.tickets, ticket_id, command)
    async with idempotent_transaction(state.database, scope, idempotency_key, content) as after:
        if after.stored:
            return after.stored
        ticket = await get_ticket(after.session, ticket_id, key.key_id)
        view = TicketView.of(ticket, await state.topics.slug_of(ticket.topic_id))
        body = view.model_dump_json().encode()
        etag = etag_of(ticket.revision, body)
        await after.store(body, 200, etag)
    return answer(body, etag=etag)
