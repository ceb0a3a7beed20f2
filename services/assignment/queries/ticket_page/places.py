"""Team and assignee of tickets, as permission rules need them."""

from collections.abc import Collection, Mapping
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, bindparam, select

from services.assignment.models import Ticket
from shared.contracts.base import AgentId, TeamId
from shared.domain.permissions import TicketPlace
from shared.kit.db import Database

FIND: Final = select(Ticket.id, Ticket.team_id, Ticket.assignee_id).where(
    Ticket.id == any_(bindparam("ticket_ids", type_=ARRAY(Uuid())))
)
"""Built once, for any number of tickets."""


async def find_places(database: Database, ticket_ids: Collection[UUID]) -> Mapping[UUID, TicketPlace]:
    """The team and agent of each ticket there is."""
    rows = await database.fetch(FIND, {"ticket_ids": sorted(ticket_ids)})
    return {
        row.id: TicketPlace(
            TeamId(row.team_id) if row.team_id else None, AgentId(row.assignee_id) if row.assignee_id else None
        )
        for row in rows
    }
