"""Team and assignee of tickets, as permission rules need them."""

from collections.abc import Collection, Mapping
from uuid import UUID

from sqlalchemy import select

from services.assignment.models import Ticket
from shared.contracts.base import AgentId, TeamId
from shared.domain.permissions import TicketPlace
from shared.kit.db import Database


async def find_places(database: Database, ticket_ids: Collection[UUID]) -> Mapping[UUID, TicketPlace]:
    """The team and agent of each ticket there is."""
    query = select(Ticket.id, Ticket.team_id, Ticket.assignee_id).where(Ticket.id.in_(sorted(ticket_ids)))
    async with database.single() as connection:
        rows = (await connection.execute(query)).all()
    return {
        row.id: TicketPlace(
            TeamId(row.team_id) if row.team_id else None, AgentId(row.assignee_id) if row.assignee_id else None
        )
        for row in rows
    }
