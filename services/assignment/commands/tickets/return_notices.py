"""Announces returned tickets: one event, and so one mail, per team for all that came back together."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select, update

from services.assignment.models import Agent, Team, Ticket, TicketReturn
from services.assignment.queries.returns import list_told
from shared.contracts.base import AgentId, TeamId, TicketId
from shared.contracts.events import ReturnedTicket, TicketsReturned
from shared.contracts.vocabulary import Priority, ReturnReason
from shared.kit import outbox
from shared.kit.db import Session

LISTED = 200
"""Tickets that one mail names; it says how many there are in all."""
WAITED_FOR = 3
"""How often a ticket may fail to answer before people are told of the others without it."""


_Row = tuple[TicketReturn, str, str, datetime | None]
"""A line with the number, the priority and the erasure of its ticket."""


class _Key(NamedTuple):
    """What is told together: where to, and who had them."""

    to_team_id: UUID
    agent_id: UUID | None
    from_team_id: UUID | None


async def notify_of_returns(session: Session, now: datetime) -> None:
    """Announces what has come back, team by team; not while more is on its way to the same team."""
    query = (
        select(TicketReturn, Ticket.number, Ticket.priority, Ticket.erased_at)
        .join(Ticket, Ticket.id == TicketReturn.ticket_id)
        .where(TicketReturn.state == "returned")
        .order_by(TicketReturn.id)
        .with_for_update(of=TicketReturn)
    )
    rows = [(row.TicketReturn, row.number, row.priority, row.erased_at) for row in await session.execute(query)]
    coming = select(TicketReturn.to_team_id).where(TicketReturn.state == "queued", TicketReturn.attempts < WAITED_FOR)
    incomplete = set(await session.scalars(coming)) if rows else set()
    ready = sorted((row for row in rows if row[0].to_team_id not in incomplete), key=_place)
    for key, found in groupby(ready, key=lambda row: _key(row[0])):
        group = list(found)
        await _announce(session, key, group, now)
        ids = [line.id for line, *_ in group]
        await session.execute(update(TicketReturn).where(TicketReturn.id.in_(ids)).values(state="told"))


def _place(row: _Row) -> tuple[Any, ...]:
    """By number in each group; what was erased last, for the mail belongs to the first ticket's thread."""
    line, number, _, erased_at = row
    return str(_key(line)), erased_at is not None, len(number), number


def _key(line: TicketReturn) -> _Key:
    if line.reason == ReturnReason.TEAM_INACTIVE:
        return _Key(line.to_team_id, None, line.from_team_id)
    return _Key(line.to_team_id, line.agent_id, None)


async def _announce(session: Session, key: _Key, group: Sequence[_Row], now: datetime) -> None:
    team = await session.get_one(Team, key.to_team_id)
    had = Agent if key.agent_id is not None else Team
    previous = await session.scalar(select(had.name).where(had.id == (key.agent_id or key.from_team_id)))
    tickets = [
        ReturnedTicket(
            ticket_id=TicketId(line.ticket_id),
            number=number,
            priority=Priority(priority),
            reason=ReturnReason(line.reason),
        )
        for line, number, priority, _ in group
    ]
    event = TicketsReturned(
        team_id=TeamId(team.id),
        team=team.name,
        previous=previous or "",
        tickets=tuple(tickets[:LISTED]),
        count=len(tickets),
        told=tuple(AgentId(one) for one in await list_told(session, team.id, key.agent_id)),
        returned_at=now,
    )
    await outbox.add(session, event, f"returned:{min(line.id for line, *_ in group)}", now)
