"""Notes among agents: on their own, or about the action they comment on."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol
from uuid import NAMESPACE_URL, UUID

from sqlalchemy.dialects.postgresql import insert

from services.assignment.models import Note
from shared.contracts.base import AgentId, MessageId, TicketId
from shared.contracts.events import AttachmentRef, Author, NoteAdded
from shared.contracts.redaction import redacted
from shared.contracts.vocabulary import ActorKind, BodyFormat, Channel
from shared.kit import outbox
from shared.kit.clock import derived_id
from shared.kit.db import Session

COMMENTS = derived_id(NAMESPACE_URL, "urn:everdesk:assignment:comments")
"""The ids of what agents write derive from those of their commands."""


class NoteAuthor(Protocol):
    """An agent who writes: a caller, or the sender of a mail."""

    @property
    def agent_id(self) -> AgentId:
        """The agent's id."""

    @property
    def name(self) -> str:
        """The agent's name."""


class Signature(NamedTuple):
    """A writer who is not asking at this moment."""

    agent_id: AgentId
    name: str


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
    """Stores and announces a note; writing it again does nothing."""
    added = await session.scalar(
        insert(Note)
        .values(
            id=note.id,
            ticket_id=note.ticket_id,
            author_id=caller.agent_id,
            author_name=caller.name,
            body=note.body,
            body_format=note.body_format.value,
            about=note.about,
            channel=note.channel.value,
            attachments=[attachment.model_dump(mode="json") for attachment in note.attachments],
            added_at=now,
        )
        .on_conflict_do_nothing()
        .returning(Note.id)
    )
    if added is None:
        return
    event = NoteAdded(
        ticket_id=TicketId(note.ticket_id),
        note_id=MessageId(note.id),
        author=Author(kind=ActorKind.AGENT, id=caller.agent_id, name=caller.name),
        body=note.body,
        body_format=note.body_format,
        about=note.about,
        added_at=now,
    )
    await outbox.add(session, event, f"note:{note.id}", now)
