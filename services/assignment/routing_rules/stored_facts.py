"""Reads from the read model the facts that rules test, for tickets that are already stored."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, func, lateral, select, true

from services.assignment.models import Message, Ticket
from services.assignment.routing_rules.table import plain_text
from shared.contracts.vocabulary import BodyFormat, Channel, Priority
from shared.domain.routing_rules import TicketFacts
from shared.domain.routing_rules.facts import READ_AT_MOST
from shared.kit.db import Session


async def stored_facts(
    session: Session, topics: Mapping[UUID, str], ticket_ids: Collection[UUID]
) -> dict[UUID, TicketFacts]:
    """The facts of tickets by ticket id, in one statement."""
    rows = await session.execute(_submitted().where(Ticket.id.in_(ticket_ids)))
    return {row.id: _facts(row, topics) for row in rows}


def _submitted() -> Select[Any]:
    """Query for tickets joined with their first message."""
    first = lateral(
        select(func.left(Message.body, 2 * READ_AT_MOST).label("body"), Message.body_format, Message.channel)
        .where(Message.ticket_id == Ticket.id)
        .order_by(Message.posted_at, Message.id)
        .limit(1)
    ).alias("first")
    return select(
        Ticket.id,
        Ticket.created_at,
        Ticket.topic_id,
        Ticket.asked_priority,
        Ticket.requester_email,
        Ticket.subject,
        Ticket.fields,
        first.c.body,
        first.c.body_format,
        first.c.channel,
    ).outerjoin(first, true())


def _facts(row: Row[Any], topics: Mapping[UUID, str]) -> TicketFacts:
    return TicketFacts(
        received_at=row.created_at,
        topic=topics.get(row.topic_id),
        channel=Channel(row.channel) if row.channel else Channel.API,
        priority=Priority(row.asked_priority) if row.asked_priority else Priority.NORMAL,
        is_priority_given=row.asked_priority is not None,
        requester=row.requester_email,
        subject=row.subject,
        body=plain_text(row.body or "", BodyFormat(row.body_format or BodyFormat.TEXT)),
        fields=row.fields,
    )
