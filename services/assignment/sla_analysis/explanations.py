"""Explains the SLA clocks of one ticket from its event log, with the names of agents and teams."""

import asyncio
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.assignment.models import Agent, LoggedEvent, Team, Ticket, table_of
from services.assignment.schemas.explanations import ClockExplained, SlaExplained
from services.assignment.sla_analysis.policy_history import (
    PolicyGone,
    PolicyHistory,
    calendar_version_of,
    policies_named,
)
from shared.contracts.events import EVENTS, Envelope, LifecycleEvent, TicketOpened
from shared.domain.sla import Explanation, explain
from shared.kit.http.problems import Problem


async def get_explanation(connection: AsyncConnection, ticket_id: UUID, number: str, now: datetime) -> SlaExplained:
    """Returns the explanation of every clock of a ticket, up to its end or to now.

    Raises Problem 409 if the policy snapshot it was judged by is no longer stored.
    """
    events = await list_envelopes(connection, ticket_id)
    if all(event.type != TicketOpened.type() for event in events):
        return SlaExplained(ticket_id=ticket_id, number=number, as_of=now, clocks=[])
    try:
        policies = await PolicyHistory().policies_of(connection, policies_named(events), calendar_version_of(events))
    except PolicyGone as gone:
        raise Problem(409, "not_explainable", str(gone)) from gone
    told = await asyncio.to_thread(explain, events, policies, now)
    names = await _names(connection, told)
    clocks = [ClockExplained.of(one, names) for one in told]
    return SlaExplained(ticket_id=ticket_id, number=number, as_of=now, clocks=clocks)


async def find_ticket(connection: AsyncConnection, reference: str) -> tuple[UUID, str] | None:
    """Returns id and number of a ticket; no permission check."""
    tickets = table_of(Ticket)
    row = (
        await connection.execute(select(tickets.c.id, tickets.c.number).where(tickets.c.number == reference))
    ).first()
    return None if row is None else (row.id, row.number)


async def list_envelopes(connection: AsyncConnection, ticket_id: UUID) -> list[Envelope]:
    """Returns the lifecycle events of a ticket as envelopes in order.

    Skipped are types this version does not know, and lines about the ticket's texts, such as `ticket.edited`.
    """
    log = table_of(LoggedEvent)
    query = select(log).where(log.c.ticket_id == ticket_id, log.c.seq > 0).order_by(log.c.seq)
    envelopes = [envelope_of(row) for row in await connection.execute(query)]
    return [one for one in envelopes if one.type in EVENTS and issubclass(EVENTS[one.type], LifecycleEvent)]


def envelope_of(row: Any) -> Envelope:
    """Returns a row of the log as an envelope."""
    return Envelope(
        id=row.event_id,
        source="/everdesk/workflows",
        type=f"everdesk.{row.type}.v1",
        subject=str(row.ticket_id),
        time=row.at,
        data=row.data,
    )


async def _names(connection: AsyncConnection, told: list[Explanation]) -> dict[UUID, str]:
    holders = {part.held_by for one in told for part in one.intervals}
    holders |= {share.held_by for one in told for share in one.shares}
    agents, teams = table_of(Agent), table_of(Team)
    names: dict[UUID, str] = {}
    for table, ids in (
        (agents, {holder.agent_id for holder in holders if holder.agent_id}),
        (teams, {holder.team_id for holder in holders if holder.team_id}),
    ):
        if ids:
            rows = await connection.execute(select(table.c.id, table.c.name).where(table.c.id.in_(ids)))
            names |= dict(rows.tuples().all())
    return names
