"""The conversation on a ticket, as its requester sees it."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from starlette.status import HTTP_201_CREATED

from services.intake.abuse.admission_control import EntryPoint
from services.intake.api.attachments import owner_of
from services.intake.api.authentication import Reader, Replier
from services.intake.api.route import ApiRoute, answer
from services.intake.attachments.attaching import ChosenFiles
from services.intake.commands.api_message import MessageRequest, post_api_message
from services.intake.commands.new_message import NewMessage
from services.intake.commands.post_message import post_with_files
from services.intake.deps import State
from services.intake.queries.tickets import attachments_of, get_ticket, list_messages
from services.intake.schemas import MessageView, PageRequest, PostMessage
from shared.contracts.vocabulary import Channel
from shared.kit.clock import utc_now
from shared.kit.http.app import canonical
from shared.kit.http.body_check import check_body
from shared.kit.http.idempotency import IdempotencyClaim, IdempotencyKey, fingerprint, idempotent_transaction
from shared.kit.http.paging import Page

router = APIRouter(prefix="/v1", route_class=ApiRoute, tags=["messages"])


@router.get("/tickets/{ticket_id}/messages")
async def list_all(
    ticket_id: UUID, page: Annotated[PageRequest, Query()], key: Reader, state: State
) -> Page[MessageView]:
    """Every public message on the ticket, oldest first."""
    async with state.database.begin() as session:
        await get_ticket(session, ticket_id, key.key_id)
        messages, next_cursor = await list_messages(session, ticket_id, page.limit, page.cursor)
        files = await attachments_of(session, [message.id for message in messages])
    items = [MessageView.of(message, files.get(message.id, ())) for message in messages]
    return Page(items=items, next_cursor=next_cursor)


@router.post("/tickets/{ticket_id}/messages", status_code=201, response_model=MessageView)
async def post(
    ticket_id: UUID, request: PostMessage, key: Replier, state: State, idempotency_key: IdempotencyKey = None
) -> Response:
    """Write again, as the requester. A solved ticket is taken up again; an archived one gets a follow-up."""
    await check_body(state.renderer, request.body, request.body_format)
    scope = f"{key.key_id}:message:{ticket_id}"
    content = fingerprint(canonical(request.model_dump(mode="json")))
    claim = IdempotencyClaim(scope, idempotency_key, content)
    asked = MessageRequest(ticket_id, key.key_id, claim)
    ticket = await asked.find_ticket(state.database)
    if claim.stored:
        return claim.stored
    await state.admission.refuse_banned(EntryPoint.CLIENT, ticket.requester_email)
    post = NewMessage(body=request.body, body_format=request.body_format, channel=Channel.API, received_at=utc_now())
    if not request.attachments and not ticket.is_archived and ticket.erased_at is None and ticket.merged_into is None:
        body = await post_api_message(state.database, asked, ticket, post, HTTP_201_CREATED)
        if body is not None:
            return answer(body, HTTP_201_CREATED)
    async with idempotent_transaction(state.database, scope, idempotency_key, content) as guarded:
        if guarded.stored:
            return guarded.stored
        message = await post_with_files(
            guarded.session, ticket, post, ChosenFiles.of(owner_of(key.key_id), request.attachments)
        )
        files = await attachments_of(guarded.session, [message.id])
        body = MessageView.of(message, files.get(message.id, ())).model_dump_json().encode()
        await guarded.store(body, HTTP_201_CREATED)
    return answer(body, HTTP_201_CREATED)
