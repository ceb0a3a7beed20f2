"""Notes among agents: on their own, or about the action they comment on."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import NAMESPACE_URL, UUID

from sqlalchemy.dialects.postgresql import insert

from services.assignment.commands.execution.mentions import WrittenNote, follow_mentioned
from services.assignment.models import Note
from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import AttachmentRef, Author, Envelope, NoteAdded
from shared.contracts.redaction import redacted
from shared.contracts.vocabulary import BodyFormat, Channel
from shared.kit import outbox
from shared.kit.clock import derived_id
from shared.kit.db import Session

COMMENTS = derived_id(NAMESPACE_URL, "urn:everdesk:assignment:comments")
"""The ids of what agents write derive from those of their commands."""


class NoteAuthor(Protocol):
    """An agent or a program that writes: a caller, or the sender of a mail."""

    @property
    def author(self) -> Author:
        """The writer's kind, id and name."""


class Signature(NamedTuple):
    """A writer who is not asking at this moment."""

    author: Author


@dataclass(frozen=True, slots=True)
class NewNote:
    """A note about to be written; `id` is the same for every retry."""

    id: UUID
    ticket_id: UUID
    body: str
    body_format: BodyFormat = BodyFormat.TEXT
    about: str | None = None
    channel: Channel = Channel.DESK
    attachments: tuple[AttachmentRef, ...] = ()

    def __post_init__(self) -> None:
        """Takes requesters' personal links out: a note is read by agents of other teams too."""
        object.__setattr__(self, "body", redacted(self.body))


async def add_note(session: Session, caller: NoteAuthor, note: NewNote, now: datetime) -> None:
    """Stores and announces a note, and has those told whom it mentions; writing it again does nothing."""
    row = note_row(caller, note, now)
    added = await session.scalar(insert(Note).values(row).on_conflict_do_nothing().returning(Note.id))
    if added is not None:
        await outbox.add_all(session, [note_added(caller, note, now)])
        await follow_mentioned(session, WrittenNote(note.id, note.ticket_id, note.body, caller.author), now)


def note_row(caller: NoteAuthor, note: NewNote, now: datetime) -> dict[str, Any]:
    """The row of a note."""
    return {
        "id": note.id,
        "ticket_id": note.ticket_id,
        "author_kind": caller.author.kind.value,
        "author_id": caller.author.id,
        "author_name": caller.author.name,
        "body": note.body,
        "body_format": note.body_format.value,
        "about": note.about,
        "channel": note.channel.value,
        "attachments": [attachment.model_dump(mode="json") for attachment in note.attachments],
        "added_at": now,
    }


def note_added(caller: NoteAuthor, note: NewNote, now: datetime) -> Envelope:
    """The news of a note."""
    event = NoteAdded(
        ticket_id=TicketId(note.ticket_id),
        note_id=MessageId(note.id),
        author=caller.author,
        body=note.body,
        body_format=note.body_format,
        about=note.about,
        added_at=now,
    )
    return event.envelope(f"note:{note.id}", now)
