"""Routes of requesters: people, their addresses, their tickets, and agents' notes about them."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Response
from starlette.status import HTTP_201_CREATED, HTTP_204_NO_CONTENT

from services.assignment.commands.configuration.administration import create
from services.assignment.commands.requesters.requester_merges import merge_requesters, preview_merge, undo_merge
from services.assignment.commands.requesters.requesters import (
    add_requester_note,
    change_requester,
    create_requester,
    remove_requester,
    remove_requester_note,
)
from services.assignment.deps import Allowed, KeyedCall, SignedIn, State, TakesNothing
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.people.requester_lists import list_requesters
from services.assignment.queries.people.requesters import (
    get_profile,
    get_record,
    list_notes,
    list_tickets_of,
)
from services.assignment.schemas.requesters import (
    MergePreview,
    MergeRequester,
    NewRequester,
    NewRequesterNote,
    RequesterNoteView,
    RequesterPatch,
    RequesterProfile,
    RequesterSummary,
    RequesterTicket,
)
from shared.contracts.vocabulary import Permission
from shared.kit.http.paging import Cursor, Limit, Page
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute
from shared.kit.requester_ids import RequesterIds

Creator = Annotated[Caller, Depends(Allowed(Permission.TICKET_CREATE))]
Editor = Annotated[Caller, Depends(Allowed(Permission.TICKET_EDIT))]
NoteWriter = Annotated[Caller, Depends(Allowed(Permission.TICKET_NOTE))]
router = HttpRouter(prefix="/requesters", tags=["requesters"], route_class=StrictJsonRoute)


@router.get("", summary="List requesters")
async def get_requesters(
    context: State,
    caller: SignedIn,
    q: Annotated[str, Query(max_length=254, description="A part of the name or of an address")] = "",
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[RequesterSummary]:
    """By name: everybody for whoever sees all tickets, for others those who sent a ticket that they see.

    A page may hold fewer than `limit`, or none, and have a next one all the same.
    """
    words = q if q.isprintable() else ""
    async with context.database.begin() as session:
        return await list_requesters(session, caller, words, limit, cursor)


@router.post("", response_model=RequesterProfile, status_code=HTTP_201_CREATED, summary="Add a requester")
async def post_requester(context: State, caller: Creator, call: KeyedCall, body: NewRequester) -> Response:
    """People who write are added by themselves. Several addresses ask for the right to edit all tickets."""
    ids = RequesterIds(context.settings)
    return await create(context, call, lambda session: create_requester(session, ids, caller, body))


@router.get("/{requester_id}", summary="One requester")
async def get_one(context: State, caller: SignedIn, requester_id: UUID) -> RequesterProfile:
    """A person with addresses, organisation and the number of open tickets that you may see."""
    async with context.database.begin() as session:
        return await get_profile(session, caller, requester_id)


@router.patch("/{requester_id}", summary="Change a requester")
async def patch_requester(context: State, caller: Editor, requester_id: UUID, body: RequesterPatch) -> RequesterProfile:
    """Changing addresses or the organisation asks for the right to edit all tickets."""
    return await change_requester(context, caller, requester_id, body)


@router.delete("/{requester_id}", status_code=HTTP_204_NO_CONTENT, summary="Remove a requester without tickets")
async def delete_requester(context: State, caller: Editor, requester_id: UUID) -> None:
    """Somebody with tickets can only be erased, which intake's API does."""
    await remove_requester(context, caller, requester_id)


@router.get("/{requester_id}/tickets", summary="A requester's tickets")
async def get_tickets(
    context: State, caller: SignedIn, requester_id: UUID, limit: Limit = 50, cursor: Cursor = None
) -> Page[RequesterTicket]:
    """Those that you may see, from whichever address of theirs, newest first."""
    async with context.database.begin() as session:
        profile = await get_profile(session, caller, requester_id)
        return await list_tickets_of(session, caller, profile.emails, limit, cursor)


@router.get("/{requester_id}/notes", summary="Notes about a requester")
async def get_notes(context: State, caller: SignedIn, requester_id: UUID) -> Page[RequesterNoteView]:
    """Newest first. Requesters never see them."""
    async with context.database.begin() as session:
        await get_record(session, caller, requester_id)
        return Page(items=await list_notes(session, requester_id))


@router.post(
    "/{requester_id}/notes",
    response_model=RequesterNoteView,
    status_code=HTTP_201_CREATED,
    summary="Add a note about a requester",
)
async def post_note(
    context: State, caller: NoteWriter, call: KeyedCall, requester_id: UUID, body: NewRequesterNote
) -> Response:
    """What colleagues should know."""
    return await create(context, call, lambda session: add_requester_note(session, caller, requester_id, body))


@router.delete(
    "/{requester_id}/notes/{note_id}", status_code=HTTP_204_NO_CONTENT, summary="Remove a note about a requester"
)
async def delete_note(context: State, caller: NoteWriter, requester_id: UUID, note_id: UUID) -> None:
    """One's own; others' with the right to edit all tickets."""
    await remove_requester_note(context, caller, requester_id, note_id)


@router.get("/{requester_id}/merge", summary="Preview a merge")
async def get_merge_preview(
    context: State, caller: Editor, requester_id: UUID, into: Annotated[UUID, Query(description="Who would stay")]
) -> MergePreview:
    """What would move. Asks for the right to edit all tickets, as the merge does."""
    async with context.database.begin() as session:
        return await preview_merge(session, caller, requester_id, into)


@router.post("/{requester_id}/merge", summary="Merge a requester into another one")
async def post_merge(context: State, caller: Editor, requester_id: UUID, body: MergeRequester) -> RequesterProfile:
    """Answers with the one who stays. Addresses and notes move, tickets follow their addresses; it can be undone."""
    return await merge_requesters(context, caller, requester_id, body.into)


@router.post("/{requester_id}/unmerge", summary="Undo a merge", dependencies=[TakesNothing])
async def post_unmerge(context: State, caller: Editor, requester_id: UUID) -> RequesterProfile:
    """Gives the merged requester back the addresses and notes that are still there."""
    return await undo_merge(context, caller, requester_id)
