"""People in copy of a ticket: who they are, and what agents decide about them."""

from typing import Annotated

from fastapi import Path, Response
from starlette.status import HTTP_202_ACCEPTED, HTTP_204_NO_CONTENT

from services.assignment.commands.conversation import participants
from services.assignment.deps import SignedIn, State, TakesNothing, TicketCall, TicketReference
from services.assignment.queries.ticket_page.participants import list_participants
from services.assignment.queries.ticket_page.tickets import get_ticket
from services.assignment.schemas.participants import ParticipantInput, ParticipantView
from shared.kit.http.paging import Page
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(prefix="/tickets/{ticket}/participants", tags=["participants"], route_class=StrictJsonRoute)

Address = Annotated[str, Path(max_length=254, description="As the list shows it", examples=["lee@bank.example"])]


@router.get("", summary="People in copy")
async def get_participants(context: State, caller: SignedIn, ticket: TicketReference) -> Page[ParticipantView]:
    """Everybody but those who were removed: who named them, since when, and whether they take part."""
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, ticket)
        return Page(items=await list_participants(session, found.ticket.id))


@router.post("", response_model=ParticipantView, status_code=HTTP_202_ACCEPTED, summary="Ask somebody to take part")
async def post_participant(context: State, call: TicketCall, body: ParticipantInput) -> Response:
    """Needs `ticket.edit`. They are asked by mail; who was proposed is thereby confirmed, who was asked left alone."""
    return await participants.add_participant(context, call, body)


@router.post(
    "/{email:path}/confirm",
    response_model=ParticipantView,
    status_code=HTTP_202_ACCEPTED,
    summary="Confirm who was proposed",
    dependencies=[TakesNothing],
)
async def confirm_participant(context: State, call: TicketCall, email: Address) -> Response:
    """Needs `ticket.edit`. They are asked by mail whether they want to take part."""
    return await participants.confirm_participant(context, call, email)


@router.delete("/{email:path}", status_code=HTTP_204_NO_CONTENT, summary="Remove somebody")
async def delete_participant(context: State, caller: SignedIn, ticket: TicketReference, email: Address) -> Response:
    """Needs `ticket.edit`. Their links, open pages and mails end; only adding them here or there brings them back."""
    await participants.remove_participant(context, caller, ticket, email)
    return Response(status_code=HTTP_204_NO_CONTENT)
