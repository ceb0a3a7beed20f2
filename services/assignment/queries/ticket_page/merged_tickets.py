"""Finds the tickets merged into a ticket; their messages and events stay theirs and are read together with its own."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, Select, cast, select

from services.assignment.models import LoggedEvent, Ticket
from shared.contracts.events import TicketClosed
from shared.kit.db import Session

Sources = Mapping[UUID, str]
"""The numbers of the tickets that are part of one, by their ids."""


async def get_sources(session: Session, ticket_id: UUID, as_of: datetime | None = None) -> Sources:
    """The tickets that are part of one, those that are part of them included; with `as_of` those that were then."""
    columns = (Ticket.id, Ticket.number)
    parts = _as_of(select(*columns).where(Ticket.merged_into == ticket_id), as_of).cte(recursive=True)
    further = _as_of(select(*columns).join(parts, Ticket.merged_into == parts.c.id), as_of)
    parts = parts.union(further)
    return {row.id: row.number for row in await session.execute(select(parts))}


def _as_of(query: Select[UUID, str], as_of: datetime | None) -> Select[UUID, str]:
    if as_of is None:
        return query
    return query.where(cast(Ticket.snapshot["closed_at"].astext, DateTime(timezone=True)) <= as_of)


async def find_root(session: Session, ticket_id: UUID) -> UUID:
    """The ticket that one is part of in the end; itself if of none."""
    above = select(Ticket.id, Ticket.merged_into).where(Ticket.id == ticket_id).cte(recursive=True)
    above = above.union(select(Ticket.id, Ticket.merged_into).join(above, Ticket.id == above.c.merged_into))
    root = await session.scalar(select(above.c.id).where(above.c.merged_into.is_(None)))
    return root or ticket_id


async def find_root_number(session: Session, number: str) -> str | None:
    """The number of the ticket that one is part of in the end; None if it stands on its own."""
    ticket_id = await session.scalar(select(Ticket.id).where(Ticket.number == number, Ticket.merged_into.is_not(None)))
    if ticket_id is None:
        return None
    root: str | None = await session.scalar(
        select(Ticket.number).where(Ticket.id == await find_root(session, ticket_id))
    )
    return root


async def find_merge_id(session: Session, ticket_id: UUID) -> UUID | None:
    """The id of the merge that closed a ticket last."""
    merge = LoggedEvent.data["merge_id"].astext
    query = (
        select(merge)
        .where(LoggedEvent.ticket_id == ticket_id, LoggedEvent.type == TicketClosed.event_name)
        .order_by(LoggedEvent.seq.desc())
        .limit(1)
    )
    found = await session.scalar(query)
    return UUID(found) if found else None
