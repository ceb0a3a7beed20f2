"""The options of a ticket page's forms, and the names behind the ids in its events, in one statement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from services.assignment.queries.ticket_lists.index_scans import statement
from shared.kit.db import Session

CHOICES: Final = """
select 'agent' as kind, id, name, true as is_first, is_active and exists (
    select from memberships join roles on roles.id = memberships.role_id
    where memberships.agent_id = agents.id and (memberships.team_id = :team_id or roles.scope = 'all')
  ) as is_offered from agents
union all select 'team', id, name, true, is_active from teams
union all select 'policy', id, body ->> 'name', is_default, is_active or id = :policy_id
  from sla_policies where is_current
order by kind, is_first desc, name, id"""
"""Of agents a first sieve: those in the ticket's team, or who work in all. The command checks again."""
NOTHING: Final = UUID(int=0)
Option = tuple[str, str]


@dataclass(frozen=True, slots=True)
class TicketChoices:
    """The agents, teams and policies that a ticket may be given to, each by id and name."""

    agents: Sequence[Option] = ()
    teams: Sequence[Option] = ()
    policies: Sequence[Option] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    """Of all of them, offered or not, by id."""


async def get_ticket_choices(session: Session, team_id: UUID | None, policy_id: UUID | None) -> TicketChoices:
    """Those for a ticket of a team and a policy."""
    values = {"team_id": team_id or NOTHING, "policy_id": policy_id or NOTHING}
    offered: dict[str, list[Option]] = {"agent": [], "team": [], "policy": []}
    names: dict[str, str] = {}
    for row in await session.execute(statement(CHOICES), values):
        names[str(row.id)] = row.name
        if row.is_offered:
            offered[row.kind].append((str(row.id), row.name))
    return TicketChoices(offered["agent"], offered["team"], offered["policy"], names)
