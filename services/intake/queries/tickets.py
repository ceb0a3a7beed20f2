"""Queries: one ticket, lists of tickets, the messages of a ticket."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import Boolean, ColumnElement, func, literal_column, select, tuple_

from services.intake.models import Attachment, Message, Ticket
from services.intake.models.tickets import NOT_CLOSED
from services.intake.schemas import TicketFilters
from shared.contracts.vocabulary import Status
from shared.kit.db import Session
from shared.kit.http.paging import decode_cursor, encode_cursor, unusable_cursor
from shared.kit.http.problems import not_found

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

IS_NOT_CLOSED = literal_column(f"tickets.{NOT_CLOSED}", Boolean)
"""In the words of the indexes, which a parameter would hide."""

Position = tuple[datetime, UUID]


async def get_ticket(session: Session, ticket_id: UUID, api_key_id: str) -> Ticket:
    """The ticket, if this key created it. Raises Problem 404."""
    ticket = await session.scalar(select(Ticket).where(Ticket.id == ticket_id, Ticket.api_key_id == api_key_id))
    if ticket is None:
        raise not_found()
    return ticket


async def list_tickets(
    session: Session, api_key_id: str, filters: TicketFilters, topic_id: UUID | None
) -> tuple[list[Ticket], str | None]:
    """One page of the tickets a key created, newest first, and where the next begins."""
    query = select(Ticket).where(Ticket.api_key_id == api_key_id, *_conditions(filters, topic_id))
    if position := _position(filters.cursor):
        query = query.where(tuple_(Ticket.created_at, Ticket.id) < position)
    query = query.order_by(Ticket.created_at.desc(), Ticket.id.desc()).limit(filters.limit + 1)
    tickets = list(await session.scalars(query))
    page = tickets[: filters.limit]
    return page, _cursor(page[-1].created_at, page[-1].id) if len(tickets) > len(page) else None


def _conditions(filters: TicketFilters, topic_id: UUID | None) -> Iterator[ColumnElement[bool]]:
    """What the filters that were given ask for."""
    if filters.status:
        yield Ticket.status == filters.status
        if filters.status is not Status.CLOSED:
            yield IS_NOT_CLOSED
    if filters.requester:
        yield func.lower(Ticket.requester_email) == filters.requester.lower()
    if topic_id:
        yield Ticket.topic_id == topic_id
    if filters.channel:
        yield Ticket.channel == filters.channel
    if filters.number:
        yield Ticket.number == filters.number
    if filters.created_from:
        yield Ticket.created_at >= filters.created_from
    if filters.created_to:
        yield Ticket.created_at < filters.created_to
    if filters.updated_from:
        yield Ticket.updated_at >= filters.updated_from


async def list_messages(
    session: Session, ticket_id: UUID, limit: int, cursor: str | None
) -> tuple[list[Message], str | None]:
    """One page of a ticket's messages, oldest first, and where the next begins."""
    query = select(Message).where(Message.ticket_id == ticket_id)
    if position := _position(cursor):
        query = query.where(tuple_(Message.received_at, Message.id) > position)
    messages = list(await session.scalars(query.order_by(Message.received_at, Message.id).limit(limit + 1)))
    page = messages[:limit]
    return page, _cursor(page[-1].received_at, page[-1].id) if len(messages) > len(page) else None


async def all_messages(session: Session, ticket_id: UUID) -> Sequence[Message]:
    """A ticket's whole thread, oldest first."""
    query = select(Message).where(Message.ticket_id == ticket_id).order_by(Message.received_at, Message.id)
    return (await session.scalars(query)).all()


async def attachments_of(session: Session, message_ids: Sequence[UUID]) -> dict[UUID, list[Attachment]]:
    """The files of messages, in the order they were sent."""
    query = select(Attachment).where(Attachment.message_id.in_(message_ids)).order_by(Attachment.id)
    found: dict[UUID, list[Attachment]] = {}
    for attachment in await session.scalars(query):
        if attachment.message_id:
            found.setdefault(attachment.message_id, []).append(attachment)
    return found


def cursor_after(at: datetime, row_id: str) -> str:
    """The cursor of what follows a row in the order of an instant and an id."""
    return encode_cursor((at - EPOCH) // MICROSECOND, row_id)


def position_of(cursor: str | None) -> tuple[datetime, str] | None:
    """The instant and the id that a cursor stands for. Raises Problem 422."""
    decoded = decode_cursor(cursor, int, str)
    if decoded is None:
        return None
    microseconds, row_id = int(decoded[0]), str(decoded[1])
    if not (row_id.isascii() and row_id.isalnum()):
        raise unusable_cursor()
    try:
        return EPOCH + timedelta(microseconds=microseconds), row_id
    except OverflowError:
        raise unusable_cursor() from None


def _cursor(at: datetime, row_id: UUID) -> str:
    return cursor_after(at, row_id.hex)


def _position(cursor: str | None) -> Position | None:
    position = position_of(cursor)
    try:
        return position and (position[0], UUID(position[1]))
    except ValueError:
        raise unusable_cursor() from None
