"""What was written on a ticket and what happened to it, oldest first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, Select, Uuid, and_, func, literal, null, select, tuple_, union_all

from services.assignment.models import Agent, EntryVersion, LoggedEvent, Message, Note, ServiceToken
from services.assignment.queries.cursors import instant_in, number_in, uuid_in, word_in
from services.assignment.schemas.conversation import EntryView, EventView, entry_of, event_of
from shared.contracts.vocabulary import BodyFormat
from shared.kit.auth import FileLinks
from shared.kit.db import Session
from shared.kit.http.paging import Page, decode_cursor, encode_cursor
from shared.kit.http.problems import not_found


async def list_entries(
    session: Session,
    files: FileLinks,
    ticket_id: UUID,
    limit: int,
    cursor: str | None,
    *,
    as_of: datetime | None = None,
) -> Page[EntryView]:
    """Messages and notes in the order of their instants; with `as_of` those of then, as they then read."""
    entries = entries_of(ticket_id).subquery()
    query = select(entries).order_by(entries.c.at, entries.c.id).limit(limit + 1)
    if (position := decode_cursor(cursor, str, str)) is not None:
        after = (instant_in(position[0]), uuid_in(position[1]))
        query = query.where(tuple_(entries.c.at, entries.c.id) > after)
    if as_of is not None:
        query = query.where(entries.c.at <= as_of)
    rows = (await session.execute(query)).all()
    more = encode_cursor(rows[limit - 1].at.isoformat(), rows[limit - 1].id.hex) if len(rows) > limit else None
    items = [entry_of(row, files) for row in rows[:limit]]
    return Page(items=items if as_of is None else await as_written(session, items, as_of), next_cursor=more)


async def as_written(session: Session, entries: Sequence[EntryView], as_of: datetime) -> list[EntryView]:
    """Entries with the words they had at an instant. Versions of erased entries are gone, so those stay erased."""
    edited = [entry.id for entry in entries if entry.edited_at is not None]
    if not edited:
        return list(entries)
    versions = (
        select(EntryVersion.entry_id, EntryVersion.body, EntryVersion.body_format, EntryVersion.replaced_at)
        .where(EntryVersion.entry_id.in_(edited))
        .order_by(EntryVersion.entry_id, EntryVersion.version)
    )
    current: dict[UUID, dict[str, Any]] = {}
    corrected: dict[UUID, datetime | None] = dict.fromkeys(edited)
    for entry_id, body, body_format, replaced_at in (await session.execute(versions)).tuples():
        if replaced_at <= as_of:
            corrected[entry_id] = replaced_at
        elif entry_id not in current:
            current[entry_id] = {"body": body, "body_format": BodyFormat(body_format)}
    return [
        entry.model_copy(update={**current[entry.id], "edited_at": corrected[entry.id]})
        if entry.id in current
        else entry
        for entry in entries
    ]


def happened_by(as_of: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    """That a line of the log was known at an instant: what took effect before it may have been told only later."""
    return and_(
        LoggedEvent.at <= as_of, func.coalesce(func.event_changed_at(LoggedEvent.data), LoggedEvent.at) <= as_of
    )


async def list_events(
    session: Session, ticket_id: UUID, limit: int, cursor: str | None, *, as_of: datetime | None = None
) -> Page[EventView]:
    """The event log of a ticket, with the names of the agents who acted; with `as_of` as far as it went then."""
    log = LoggedEvent
    query = (
        with_actor_names().where(log.ticket_id == ticket_id).order_by(log.at, log.seq, log.event_id).limit(limit + 1)
    )
    if (position := decode_cursor(cursor, str, int, str)) is not None:
        after = (instant_in(position[0]), number_in(position[1]), word_in(position[2]))
        query = query.where(tuple_(log.at, log.seq, log.event_id) > after)
    if as_of is not None:
        query = query.where(happened_by(as_of))
    rows = (await session.execute(query)).all()
    last = rows[limit - 1].LoggedEvent if len(rows) > limit else None
    more = encode_cursor(last.at.isoformat(), last.seq, last.event_id) if last else None
    return Page(items=[event_of(row.LoggedEvent, row.actor_name) for row in rows[:limit]], next_cursor=more)


def with_actor_names() -> Select[LoggedEvent, str]:
    """Lines of the event log, each with the name of the agent or program that acted."""
    actor = LoggedEvent.data["actor"]["id"].astext.cast(Uuid)
    name = func.coalesce(Agent.name, ServiceToken.name).label("actor_name")
    return (
        select(LoggedEvent, name).outerjoin(Agent, Agent.id == actor).outerjoin(ServiceToken, ServiceToken.id == actor)
    )


def entries_of(ticket_id: UUID) -> Any:
    """Messages and notes of a ticket as rows of one shape."""
    return union_all(messages_of(ticket_id), notes_of(ticket_id))


def messages_of(ticket_id: UUID | BindParameter[UUID]) -> Select[Any]:
    """The conversation, in the shape of `entries_of`."""
    return select(
        literal("message").label("kind"),
        Message.id.label("id"),
        Message.author_kind.label("author_kind"),
        Message.author_id.label("author_id"),
        Message.author_name.label("author_name"),
        Message.author_email.label("author_email"),
        Message.body.label("body"),
        Message.body_format.label("body_format"),
        Message.channel.label("channel"),
        Message.attachments.label("attachments"),
        Message.quoted.label("quoted"),
        Message.is_automatic.label("is_automatic"),
        null().label("about"),
        Message.edited_at,
        Message.posted_at.label("at"),
    ).where(Message.ticket_id == ticket_id)


def notes_of(ticket_id: UUID | BindParameter[UUID]) -> Select[Any]:
    """Notes among agents, in the shape of `entries_of`."""
    return select(
        literal("note").label("kind"),
        Note.id,
        Note.author_kind,
        Note.author_id,
        Note.author_name,
        null().label("author_email"),
        Note.body,
        Note.body_format,
        Note.channel,
        Note.attachments,
        literal("").label("quoted"),
        literal(value=False).label("is_automatic"),
        Note.about,
        Note.edited_at,
        Note.added_at.label("at"),
    ).where(Note.ticket_id == ticket_id)


async def get_entry(session: Session, files: FileLinks, ticket_id: UUID, entry_id: UUID) -> EntryView:
    """One message or note of a ticket. Raises Problem 404."""
    entries = entries_of(ticket_id).subquery()
    row = (await session.execute(select(entries).where(entries.c.id == entry_id))).one_or_none()
    if row is None:
        raise not_found("entry")
    return entry_of(row, files)
