"""Routes of composing: drafts, undoable replies, file uploads, edits of notes and replies."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Query, Request, Response
from starlette.status import HTTP_200_OK, HTTP_202_ACCEPTED

from services.assignment.commands.conversation.agent_files import upload
from services.assignment.commands.conversation.drafts import DraftOwner, find_drafts, save_draft
from services.assignment.commands.conversation.entry_edits import edit_entry, list_versions
from services.assignment.commands.held_replies import cancel_reply, hold_reply
from services.assignment.commands.people.agent_settings import find_settings
from services.assignment.deps import SignedIn, SignedInPerson, State, TicketCall, TicketReference
from services.assignment.errors import already_sent
from services.assignment.queries.ticket_page.conversation import get_entry
from services.assignment.queries.ticket_page.held_replies import list_held
from services.assignment.queries.ticket_page.tickets import get_ticket
from services.assignment.schemas.composing import DraftInput, DraftKind, DraftView, HeldReplyInput, HeldReplyView
from services.assignment.schemas.conversation import EntryView
from services.assignment.schemas.editing import EntryPatch, EntryVersionView
from shared.kit.http.paging import Page
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(prefix="/tickets/{ticket}", tags=["writing"], route_class=StrictJsonRoute)
files = HttpRouter(tags=["writing"])

EntryId = Annotated[UUID, Path(description="The id of a message or note")]
UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                },
                "example": {"file": "GET /login 502"},
            }
        },
    }
}


@router.get("/draft", summary="What you have begun to write")
async def get_draft(
    context: State,
    caller: SignedInPerson,
    ticket: TicketReference,
    kind: Annotated[DraftKind, Query(description="Of a reply or a note")] = "reply",
) -> DraftView:
    """Your own draft on the ticket; an empty one if there is none."""
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, ticket)
        drafts = await find_drafts(session, DraftOwner(caller.agent_id, found.ticket.id))
    return drafts.get(kind) or DraftView(kind=kind)


@router.put("/draft", summary="Keep what you have written so far")
async def put_draft(context: State, caller: SignedInPerson, ticket: TicketReference, body: DraftInput) -> DraftView:
    """In place of the draft before. An empty body without files forgets it; so does sending the reply or note."""
    return await save_draft(context, caller, ticket, body)


@router.get("/held-replies", summary="Replies that can still be taken back")
async def get_held(context: State, caller: SignedIn, ticket: TicketReference) -> Page[HeldReplyView]:
    """Everybody's replies on the ticket that go out within moments."""
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, ticket)
        return Page(items=await list_held(session, found.ticket.id))


@router.post(
    "/held-replies", response_model=HeldReplyView, status_code=HTTP_202_ACCEPTED, summary="Reply, with time to undo"
)
async def post_held(context: State, call: TicketCall, body: HeldReplyInput) -> HeldReplyView:
    """Sends the reply when the time to take it back has passed: ten seconds, or as you have set it."""
    chosen = (await find_settings(context, call.caller.agent_id)).undo_seconds
    seconds = context.settings.undo_seconds if chosen is None else chosen
    outcome = await hold_reply(context, call, body, seconds)
    if outcome.held is None:
        raise already_sent()
    return outcome.held


@router.delete("/held-replies/{held_id}", status_code=HTTP_200_OK, summary="Take a reply back")
async def delete_held(context: State, caller: SignedInPerson, ticket: TicketReference, held_id: UUID) -> HeldReplyView:
    """Its words are your draft again. Once it goes out, 409."""
    return await cancel_reply(context, caller, ticket, held_id)


@router.patch("/messages/{message_id}", summary="Correct a note or reply of yours")
async def patch_message(
    context: State, caller: SignedInPerson, ticket: TicketReference, message_id: EntryId, body: EntryPatch
) -> EntryView:
    """The requester's page shows the new words; mails that are out stay as they are."""
    await edit_entry(context, caller, ticket, message_id, body)
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, ticket)
        return await get_entry(session, context.file_links, found.ticket.id, message_id)


@router.get("/messages/{message_id}/versions", summary="What a note or reply said before")
async def get_versions(
    context: State, caller: SignedIn, ticket: TicketReference, message_id: EntryId
) -> Page[EntryVersionView]:
    """One item per edit, oldest first."""
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, ticket)
        return Page(items=await list_versions(session, found.ticket.id, message_id))


@files.post("/attachments", status_code=201, openapi_extra=UPLOAD, summary="Send a file")
async def post_attachment(request: Request, context: State, caller: SignedInPerson) -> Response:
    """One file as the form field `file`, kept for a day; name its id in `attachments` of a reply or note."""
    return await upload(context, caller, request)
