"""Tickets offered to an agent."""

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, bindparam, func, literal_column, select

from services.assignment.models import Agent, Ticket, TicketAssignment
from services.assignment.queries.access.callers import (
    AgentPreferences,
    preference_columns,
    preferences_of,
    with_preferences,
)
from services.assignment.schemas.routing import OfferView
from shared.contracts.vocabulary import Availability
from shared.kit.db import Database, Session


async def list_offers(session: Session, agent_id: UUID) -> list[OfferView]:
    """The tickets offered to an agent, the one that lapses first in front."""
    query = (
        select(Ticket.id, Ticket.number, Ticket.subject, TicketAssignment.next_attempt_at)
        .join(TicketAssignment, TicketAssignment.ticket_id == Ticket.id)
        .where(
            TicketAssignment.agent_id == agent_id,
            TicketAssignment.state == "offered",
            Ticket.assignee_id.is_(None),
        )
        .order_by(TicketAssignment.next_attempt_at, Ticket.id)
    )
    rows = await session.execute(query)
    return [
        OfferView(ticket_id=row.id, number=row.number, subject=row.subject, expires_at=row.next_attempt_at)
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class DeskReader:
    """What every page of the desk shows of who reads it."""

    availability: Availability = Availability.OFFLINE
    offers: int = 0
    """How many tickets are offered to them."""
    preferences: AgentPreferences = AgentPreferences()


async def get_desk_reader(database: Database, agent_id: UUID) -> DeskReader:
    """What an agent says of themselves, is offered and has set, in one statement."""
    async with database.single() as connection:
        row = (await connection.execute(PRESENCE, {"agent_id": agent_id})).one_or_none()
    if row is None:
        return DeskReader()
    availability = Availability.ONLINE if row.is_available else Availability(row.unavailable_as)
    return DeskReader(availability, row.offers, preferences_of(row))


def _presence() -> Select[Any]:
    is_offered = (TicketAssignment.agent_id == Agent.id) & (TicketAssignment.state == literal_column("'offered'"))
    offers = select(func.count()).where(is_offered).scalar_subquery().label("offers")
    columns = (Agent.is_available, Agent.unavailable_as, offers, *preference_columns())
    return with_preferences(select(*columns)).where(Agent.id == bindparam("agent_id"))


PRESENCE: Final = _presence()
"""Built once: it runs with every page."""
