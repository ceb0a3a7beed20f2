"""What was written on a ticket and what happened to it, oldest first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, ColumnElement, Select, Uuid, and_, func, literal, null, select, tuple_, union_all
from sqlalchemy.orm import InstrumentedAttribute

from services.assignment.models import Agent, EntryVersion, LoggedEvent, Message, Note, ServiceToken
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.cursors import instant_in, number_in, uuid_in, word_in
from services.assignment.queries.ticket_page.merged_tickets import Sources
from services.assignment.queries.ticket_page.unseen_links import without_unseen
from services.assignment.schemas.conversation import NO_SOURCES, EntryView, EventView, entry_of, event_of
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
    sources: Sources = NO_SOURCES,
) -> Page[EntryView]:
    """Messages and notes in the order of their instants; with `as_of` those of then, as they then read.

    Those of the merged tickets in `sources` stand among them.
    """
    entries = entries_of(together(ticket_id, sources)).subquery()
    query = select(entries).order_by(entries.c.at, entries.c.id).limit(limit + 1)
    if (position := decode_cursor(cursor, str, str)) is not None:
        after = (instant_in(position[0]), uuid_in(position[1]))
        query = query.where(tuple_(entries.c.at, entries.c.id) > after)
    if as_of is not None:
        query = query.where(entries.c.at <= as_of)
    rows = (await session.execute(query)).all()
    more = encode_cursor(rows[limit - 1].at.isoformat(), rows[limit - 1].id.hex) if len(rows) > limit else None
    items = [entry_of(row, files, sources) for row in rows[:limit]]
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
    session: Session,
    ticket_id: UUID,
    limit: int,
    cursor: str | None,
    *,
    as_of: datetime | None = None,
    sources: Sources = NO_SOURCES,
    reader: Caller,
) -> Page[EventView]:
    """The event log of a ticket, with the names of the agents who acted; with `as_of` as far as it went then.

    Tickets that `reader` may not see are not named. The lines of the merged tickets in `sources` stand among its own.
    """
    log = LoggedEvent
    here = one_of(log.ticket_id, together(ticket_id, sources))
    query = with_actor_names().where(here).order_by(log.at, log.seq, log.event_id).limit(limit + 1)
    if (position := decode_cursor(cursor, str, int, str)) is not None:
        after = (instant_in(position[0]), number_in(position[1]), word_in(position[2]))
        query = query.where(tuple_(log.at, log.seq, log.event_id) > after)
    if as_of is not None:
        query = query.where(happened_by(as_of))
    rows = (await session.execute(query)).all()
    last = rows[limit - 1].LoggedEvent if len(rows) > limit else None
    more = encode_cursor(last.at.isoformat(), last.seq, last.event_id) if last else None
    events = [event_of(row.LoggedEvent, row.actor_name, sources) for row in rows[:limit]]
    return Page(items=await without_unseen(session, reader, events), next_cursor=more)


def with_actor_names() -> Select[LoggedEvent, str]:
    """Lines of the event log, each with the name of the agent or program that acted."""
    actor = LoggedEvent.data["actor"]["id"].astext.cast(Uuid)
    name = func.coalesce(Agent.name, ServiceToken.name).label("actor_name")
    return (
        select(LoggedEvent, name).outerjoin(Agent, Agent.id == actor).outerjoin(ServiceToken, ServiceToken.id == actor)
    )


TicketIds = UUID | Sequence[UUID] | BindParameter[UUID]
"""One ticket or several, as values or as a parameter: an expanding one stands for several."""


def together(ticket_id: UUID, sources: Sources) -> TicketIds:
    """A ticket and those merged into it, if any."""
    return (ticket_id, *sources) if sources else ticket_id


def one_of(column: InstrumentedAttribute[UUID], tickets: TicketIds) -> ColumnElement[bool]:
    """The condition for what belongs to a ticket, or to one of several."""
    if isinstance(tickets, UUID) or (isinstance(tickets, BindParameter) and not tickets.expanding):
        return column == tickets
    return column.in_(tickets)


def entries_of(tickets: TicketIds) -> Any:
    """Messages and notes of tickets as rows of one shape."""
    return union_all(messages_of(tickets), notes_of(tickets))


def messages_of(tickets: TicketIds) -> Select[*tuple[Any, ...]]:
    """The conversation, in the shape of `entries_of`."""
    return select(
        literal("message").label("kind"),
        Message.id.label("id"),
        Message.ticket_id.label("ticket_id"),
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
    ).where(one_of(Message.ticket_id, tickets))


def notes_of(tickets: TicketIds) -> Select[*tuple[Any, ...]]:
    """Notes among agents, in the shape of `entries_of`."""
    return select(
        literal("note").label("kind"),
        Note.id,
        Note.ticket_id,
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
    ).where(one_of(Note.ticket_id, tickets))


async def get_entry(session: Session, files: FileLinks, ticket_id: UUID, entry_id: UUID) -> EntryView:
    """One message or note of a ticket. Raises Problem 404."""
    entries = entries_of(ticket_id).subquery()
    row = (await session.execute(select(entries).where(entries.c.id == entry_id))).one_or_none()
    if row is None:
        raise not_found("entry")
    return entry_of(row, files)
