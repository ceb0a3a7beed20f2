"""Edits of notes and replies by their authors, with the earlier versions kept."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update

from services.assignment.app_state import AppState
from services.assignment.commands.execution.mentions import WrittenNote, follow_mentioned, mentions_in
from services.assignment.errors import not_yours
from services.assignment.models import EntryVersion, Message, Note
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.ticket_page.tickets import get_ticket
from services.assignment.schemas.editing import EntryPatch, EntryVersionView
from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import MessageEdited
from shared.contracts.vocabulary import BodyFormat, Permission
from shared.domain.errors import TicketArchivedError
from shared.kit import outbox
from shared.kit.clock import utc_now
from shared.kit.db import Session
from shared.kit.http.body_check import check_body
from shared.kit.http.problems import Problem, not_found
from shared.kit.tombstones import lock_against_erasure

MOST_VERSIONS = 50


async def edit_entry(context: AppState, caller: Caller, reference: str, entry_id: UUID, patch: EntryPatch) -> None:
    """Puts new words in place of a note or reply of the caller's own. Mails that are out stay as they are.

    Raises Problem 403, 404, 409 and 422, TicketArchivedError.
    """
    await check_body(context.renderer, patch.body, patch.body_format or BodyFormat.MARKDOWN)
    now = utc_now()
    async with context.database.begin() as session:
        await lock_against_erasure(session, is_erasing=False)
        found = await get_ticket(session, caller, reference)
        found.require(Permission.TICKET_NOTE)
        entry = await _find(session, found.ticket.id, entry_id)
        if isinstance(entry, Message):
            found.require(Permission.TICKET_REPLY)
        if entry.author_id != caller.agent_id:
            raise not_yours()
        if found.ticket.is_archived or found.ticket.erased_at is not None:
            raise TicketArchivedError("the ticket is archived; it stays as it is")
        body_format = patch.body_format or BodyFormat(entry.body_format)
        if (entry.body, entry.body_format) == (patch.body, body_format.value):
            return
        version = await _keep(session, caller, entry, now)
        model = type(entry)
        values = {"body": patch.body, "body_format": body_format.value, "rendered": None, "edited_at": now}
        await session.execute(update(model).where(model.id == entry_id).values(values))
        if isinstance(entry, Message):
            event = MessageEdited(
                ticket_id=TicketId(found.ticket.id),
                message_id=MessageId(entry_id),
                agent_id=caller.agent_id,
                body=patch.body,
                body_format=body_format,
                version=version + 1,
                edited_at=now,
            )
            await outbox.add(session, event, f"message-edited:{entry_id}:{version + 1}", now)
        else:
            note = WrittenNote(entry_id, found.ticket.id, patch.body, caller.author, version + 1)
            await _tell_mentioned(session, note, now)
    context.relay.wake()


async def list_versions(session: Session, ticket_id: UUID, entry_id: UUID) -> list[EntryVersionView]:
    """What an entry said before each edit, oldest first. Raises Problem 404 for one that is not the ticket's."""
    await _find(session, ticket_id, entry_id)
    query = select(EntryVersion).where(EntryVersion.entry_id == entry_id).order_by(EntryVersion.version)
    return [
        EntryVersionView(
            version=row.version, body=row.body, body_format=BodyFormat(row.body_format), replaced_at=row.replaced_at
        )
        for row in await session.scalars(query)
    ]


async def _keep(session: Session, caller: Caller, entry: Message | Note, now: datetime) -> int:
    """Keeps what the entry says; the number of that version. Raises Problem 409 after too many."""
    kept = await session.scalar(select(func.count()).where(EntryVersion.entry_id == entry.id))
    version = (kept or 0) + 1
    if version > MOST_VERSIONS:
        raise Problem(409, "too_many_edits", f"it was edited {MOST_VERSIONS} times; write a new one")
    session.add(
        EntryVersion(
            entry_id=entry.id,
            version=version,
            ticket_id=entry.ticket_id,
            body=entry.body,
            body_format=entry.body_format,
            replaced_at=now,
            replaced_by=caller.agent_id,
        )
    )
    await session.flush()
    return version


async def _tell_mentioned(session: Session, note: WrittenNote, now: datetime) -> None:
    """Has those told whom the note names now and never did before."""
    if not mentions_in(note.body):
        return
    earlier = await session.scalars(select(EntryVersion.body).where(EntryVersion.entry_id == note.id))
    known = {name for body in earlier for name in mentions_in(body)}
    await follow_mentioned(session, note, now, known)


async def _find(session: Session, ticket_id: UUID, entry_id: UUID) -> Message | Note:
    for model in (Note, Message):
        query = select(model).where(model.id == entry_id, model.ticket_id == ticket_id).with_for_update()
        entry: Message | Note | None = await session.scalar(query)
        if entry is not None:
            return entry
    raise not_found("entry")
