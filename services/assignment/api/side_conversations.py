"""Routes of conversations with third parties beside a ticket."""

from uuid import UUID

from fastapi import Response
from starlette.status import HTTP_201_CREATED

from services.assignment.commands.conversation.side_conversations import (
    reply_in_side_conversation,
    start_side_conversation,
)
from services.assignment.deps import SignedIn, State, TicketCall, TicketReference
from services.assignment.queries.ticket_page.side_conversations import get_side_conversation, list_side_conversations
from services.assignment.queries.ticket_page.tickets import get_ticket
from services.assignment.schemas.side_conversations import SideConversationInput, SideConversationView, SideReplyInput
from shared.kit.http.paging import Page
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(prefix="/tickets/{ticket}/side-conversations", tags=["tickets"], route_class=StrictJsonRoute)


@router.get("", summary="Conversations with third parties")
async def get_all(context: State, caller: SignedIn, ticket: TicketReference) -> Page[SideConversationView]:
    """Each with its messages, oldest first. The requester sees none of them."""
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, ticket)
        return Page(items=await list_side_conversations(session, context.file_links, found.ticket.id))


@router.post("", status_code=HTTP_201_CREATED, response_model=SideConversationView, summary="Write to a third party")
async def post_one(context: State, call: TicketCall, body: SideConversationInput) -> Response:
    """Sends a mail; answers from that address come back here. `hold` puts the ticket on hold until one does."""
    return await start_side_conversation(context, call, body)


@router.get("/{conversation_id}", summary="One conversation with a third party")
async def get_conversation(
    context: State, caller: SignedIn, ticket: TicketReference, conversation_id: UUID
) -> SideConversationView:
    """With its messages, oldest first."""
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, ticket)
        return await get_side_conversation(session, context.file_links, found.ticket.id, conversation_id)


@router.post(
    "/{conversation_id}/replies",
    status_code=HTTP_201_CREATED,
    response_model=SideConversationView,
    summary="Write to the third party again",
)
async def post_reply(context: State, call: TicketCall, conversation_id: UUID, body: SideReplyInput) -> Response:
    """In the same thread of mails."""
    return await reply_in_side_conversation(context, call, conversation_id, body)
