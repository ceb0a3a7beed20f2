"""Reading the timeline: what came after an event, and whether anything can still come."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, select, union

from services.intake.models import Message, Ticket, TimelineEntry
from shared.contracts.events import TicketArchived
from shared.contracts.vocabulary import ActorKind
from shared.kit.db import Session

PER_LOOK = 500
ARCHIVED = TicketArchived.event_name.removeprefix("ticket.")


async def entries_after(session: Session, ticket_id: UUID, after: int) -> list[TimelineEntry]:
    """What happened on a ticket after an event, in order; at most 500 at a time."""
    query = (
        select(TimelineEntry)
        .where(TimelineEntry.ticket_id == ticket_id, TimelineEntry.id > after)
        .order_by(TimelineEntry.id)
        .limit(PER_LOOK)
    )
    return list(await session.scalars(query))


async def timeline_of(session: Session, ticket_id: UUID) -> Sequence[TimelineEntry]:
    """Everything that happened on a ticket, in order."""
    return (
        await session.scalars(
            select(TimelineEntry).where(TimelineEntry.ticket_id == ticket_id).order_by(TimelineEntry.id)
        )
    ).all()


async def follow_ups_of(session: Session, ticket_id: UUID) -> Sequence[Ticket]:
    """The tickets that go on where an archived one ended, oldest first: also the later ones its messages went to."""
    told = select(TimelineEntry.follow_up_id).where(
        TimelineEntry.ticket_id == ticket_id, TimelineEntry.follow_up_id.is_not(None)
    )
    follows = select(Ticket.id).where(Ticket.follows == ticket_id)
    query = select(Ticket).where(Ticket.id.in_(union(follows, told)))
    return (await session.scalars(query.order_by(Ticket.created_at, Ticket.id))).all()


async def is_over(session: Session, ticket_id: UUID) -> bool:
    """Whether nothing more will happen: the ticket is archived, and no message waits to become a new one."""
    query = select(Ticket.id).where(Ticket.id == ticket_id, Ticket.is_archived, ~_awaits_follow_up(ticket_id))
    return await session.scalar(query) is not None


async def awaits_follow_up(session: Session, ticket_id: UUID) -> bool:
    """Whether somebody wrote on the archived ticket, and the new ticket it becomes is not there yet."""
    return bool(await session.scalar(select(_awaits_follow_up(ticket_id))))


def _awaits_follow_up(ticket_id: UUID) -> ColumnElement[bool]:
    archived_at = (
        select(func.max(TimelineEntry.at))
        .where(TimelineEntry.ticket_id == ticket_id, TimelineEntry.kind == ARCHIVED)
        .scalar_subquery()
    )
    return exists().where(
        Message.ticket_id == ticket_id,
        Message.author_kind == ActorKind.REQUESTER,
        ~Message.is_automatic,
        Message.received_at > archived_at,
        Message.follow_up_id.is_(None),
    )
