"""The team that takes over the tickets of an inactive team."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from services.assignment.models import Team
from shared.contracts.base import TeamId
from shared.domain.errors import PolicyMissing
from shared.kit.db import Session


@dataclass(frozen=True, slots=True)
class TeamRow:
    """The columns of a team that decide its successor."""

    id: UUID
    name: str
    is_active: bool
    is_fallback: bool
    successor_id: UUID | None
    policy_id: UUID | None = None
    """The SLA policy of its tickets where nobody else names one."""
    calendar: str | None = None
    """The slug of its hours, in which that policy or the default one counts; null: those that the policy names."""


@dataclass(frozen=True, slots=True)
class Successors:
    """All teams with their successors."""

    teams: Mapping[UUID, TeamRow]
    fallback: TeamId

    def home_of(self, team_id: UUID | None) -> TeamId:
        """The team itself if it is active, else the next one in its line that is, else the fallback team."""
        seen: set[UUID] = set()
        while team_id is not None and team_id in self.teams and team_id not in seen:
            team = self.teams[team_id]
            if team.is_active:
                return TeamId(team_id)
            seen.add(team_id)
            team_id = team.successor_id
        return self.fallback


async def get_successors(session: Session) -> Successors:
    """Loads the present state. Raises PolicyMissing if no team is marked as the fallback."""
    columns = (Team.id, Team.name, Team.is_active, Team.is_fallback, Team.successor_id, Team.policy_id, Team.calendar)
    query = select(*columns).order_by(Team.id)
    teams = [TeamRow(*row) for row in (await session.execute(query)).tuples()]
    fallback = next((team.id for team in teams if team.is_fallback), None)
    if fallback is None:
        raise PolicyMissing("no team is marked as the fallback; run the seed or mark one")
    return Successors({team.id: team for team in teams}, TeamId(fallback))
