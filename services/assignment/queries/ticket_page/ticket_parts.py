"""Which optional parts a ticket has, in one statement, so that absent ones cost no statement of their own."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from services.assignment.queries.ticket_lists.index_scans import statement
from shared.kit.db import Session

PARTS: Final = """
select
  exists (select from participants where ticket_id = :ticket_id) as has_participants,
  exists (select from followers where ticket_id = :ticket_id) as has_followers,
  exists (select from ticket_links where ticket_id = :ticket_id)
    or exists (select from ticket_links where other_id = :ticket_id) as has_links,
  exists (select from ticket_tasks where ticket_id = :ticket_id) as has_tasks,
  exists (select from side_conversations where ticket_id = :ticket_id) as has_side_conversations,
  exists (select from tickets where merged_into = :ticket_id) as has_merged,
  exists (select from drafts where agent_id = :agent_id and ticket_id = :ticket_id)
    or exists (select from held_replies where ticket_id = :ticket_id) as has_writing,
  exists (
    select from teams join tickets on tickets.team_id = teams.id
    where tickets.id = :ticket_id and teams.hold_seconds is not null
  ) as has_team_target,
  exists (select from satisfaction_ratings where ticket_id = :ticket_id and score is not null) as has_ratings,
  exists (select from incidents where ticket_id = :ticket_id) as is_incident,
  exists (select from incidents) as has_incidents"""


@dataclass(frozen=True, slots=True)
class TicketParts:
    """Parts that a ticket has, whether or not the reader may see all of them."""

    has_participants: bool
    has_followers: bool
    has_links: bool
    has_tasks: bool
    has_side_conversations: bool
    has_merged: bool
    """Whether other tickets are part of it."""
    has_writing: bool
    """Whether the agent has a draft on it, or anybody's reply is on its way."""
    has_team_target: bool
    has_ratings: bool
    """Whether the requester rated a resolution."""
    is_incident: bool
    has_incidents: bool
    """Whether any ticket is a major incident, which this one may belong to."""


async def get_ticket_parts(session: Session, ticket_id: UUID, agent_id: UUID) -> TicketParts:
    """Those of a ticket, for one agent."""
    row = (await session.execute(statement(PARTS), {"ticket_id": ticket_id, "agent_id": agent_id})).one()
    return TicketParts(*row)
