"""Messages, notes and events as the API answers them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal
from uuid import UUID

from pydantic import JsonValue
from sqlalchemy import Row

from services.assignment.models import LoggedEvent
from services.assignment.schemas.tickets import View
from shared.contracts.base import Instant
from shared.contracts.events import AttachmentRef, Author
from shared.contracts.vocabulary import BodyFormat, Channel
from shared.kit.auth import FileLinks

NO_SOURCES: Mapping[UUID, str] = MappingProxyType({})
ENVELOPE_PARTS = frozenset({"ticket_id", "seq", "revision", "at", "actor", "snapshot"})


class FileView(AttachmentRef):
    """A file that came with a message."""

    url: str
    """Where intake gives it out, for an hour; a file that is being scanned or was found dangerous is refused there."""


class MergedFrom(View):
    """The ticket that something was written on or happened to, where that is part of the one it is shown with."""

    id: UUID
    number: str


class EntryView(View):
    """A public message or an internal note."""

    id: UUID
    kind: Literal["message", "note"]
    author: Author
    body: str
    body_format: BodyFormat
    channel: Channel
    quoted: str
    """What a mail quoted or signed, as plain text."""
    attachments: tuple[FileView, ...]
    is_automatic: bool
    about: str | None
    """The action a note comments on."""
    edited_at: Instant | None = None
    """When its writer last corrected it; `/versions` has what it said before."""
    at: Instant
    merged_from: MergedFrom | None = None
    """The merged ticket it stands on; null for what stands on this one."""


class ActorView(View):
    """Who did it; agents with their name."""

    kind: str
    id: UUID | None
    name: str | None


class EventView(View):
    """One line of the event log."""

    id: str
    type: str
    seq: int
    revision: int
    """The ticket's revision after it; 0 for what is no step of the lifecycle."""
    at: Instant
    """When it took effect."""
    recorded_at: Instant
    """When this service heard of it."""
    actor: ActorView
    details: dict[str, JsonValue]
    merged_from: MergedFrom | None = None
    """The merged ticket it happened to; null for what happened to this one."""


def merged_from(ticket_id: UUID, sources: Mapping[UUID, str]) -> MergedFrom | None:
    """The mark of what comes from one of the merged tickets, whose numbers `sources` holds by their ids."""
    number = sources.get(ticket_id)
    return None if number is None else MergedFrom(id=ticket_id, number=number)


def entry_of(row: Row[Any], links: FileLinks, sources: Mapping[UUID, str] = NO_SOURCES) -> EntryView:
    """A row of messages and notes."""
    refs = [AttachmentRef.model_validate(attachment) for attachment in row.attachments]
    files = [FileView(**dict(ref), url=links.url(ref.id)) for ref in refs]
    author = Author(kind=row.author_kind, id=row.author_id, name=row.author_name, email=row.author_email)
    mark = merged_from(row.ticket_id, sources) if sources else None
    return EntryView.model_validate({**row._asdict(), "author": author, "attachments": files, "merged_from": mark})


def event_of(event: LoggedEvent, actor_name: str | None, sources: Mapping[UUID, str] = NO_SOURCES) -> EventView:
    """A line of the log; what is not about the step itself is left out."""
    actor = event.data.get("actor") or {"kind": "system", "id": None}
    return EventView(
        id=event.event_id,
        type=event.type,
        seq=event.seq,
        revision=event.data.get("revision", 0),
        at=event.at,
        recorded_at=event.recorded_at,
        actor=ActorView(kind=actor["kind"], id=actor.get("id"), name=actor_name),
        details={name: value for name, value in event.data.items() if name not in ENVELOPE_PARTS},
        merged_from=merged_from(event.ticket_id, sources) if sources else None,
    )
