"""An agent as the choice sees them: what they can do, how much they have, and whether they are there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from shared.contracts.base import AgentId
from shared.contracts.vocabulary import Availability, OutReason, Priority
from shared.domain.routing.demand import LOWEST_LEVEL, Demand, SkillDemand


@dataclass(frozen=True, slots=True)
class Absence:
    """Days out of office, both included, and who stands in."""

    first_day: date
    last_day: date
    delegate_id: AgentId | None = None

    def covers(self, day: date) -> bool:
        """Whether it is one of the days."""
        return self.first_day <= day <= self.last_day


@dataclass(slots=True)
class AgentStanding:
    """One agent of a team; `load`, `last_assigned_at` and `turn` grow with every ticket given to them."""

    agent_id: AgentId
    load: int = 0
    last_assigned_at: datetime | None = None
    absent_as: OutReason | None = None
    """Why they get nothing now, whatever the ticket."""
    skills: Mapping[str, int] = field(default_factory=dict)
    capacity: int | None = None
    priority_weights: Mapping[str, int] = field(default_factory=dict)
    weight: int = 1
    turn: float | None = None
    """When their last turn began, counted in tickets per weight; null: they have had none."""

    def cost_of(self, priority: Priority) -> int:
        """How much of their capacity a ticket takes."""
        return self.priority_weights.get(priority.value, 1)

    def has_room(self, priority: Priority) -> bool:
        """Whether a ticket fits in."""
        return self.capacity is None or self.load + self.cost_of(priority) <= self.capacity

    def has_skill(self, skill: SkillDemand) -> bool:
        """Whether they have the skill at the level that is asked for."""
        return self.skills.get(skill.name, 0) >= skill.level

    def out_for(self, demand: Demand) -> OutReason | None:
        """Why they cannot be given such a ticket; None if they can."""
        if self.absent_as is not None:
            return self.absent_as
        if not all(self.has_skill(skill) for skill in demand.required):
            return OutReason.LACKS_SKILL
        return None if self.has_room(demand.priority) else OutReason.FULL

    def preference_for(self, demand: Demand) -> tuple[int, int]:
        """How many of the preferred skills they have, and the sum of their levels in those."""
        levels = [self.skills[skill.name] for skill in demand.preferred if self.has_skill(skill)]
        return len(levels), sum(levels)


def level_map(names: list[str], levels: Mapping[str, int]) -> dict[str, int]:
    """Every skill with its level; one without a level has the lowest."""
    return {name: levels.get(name, LOWEST_LEVEL) for name in names}


def absence_reason(
    availability: Availability, today: date, absences: tuple[Absence, ...], *, is_within_hours: bool
) -> OutReason | None:
    """Why an agent gets no tickets now; None if they do.

    A planned absence comes first: it says most about when the agent is back.
    """
    if any(absence.covers(today) for absence in absences):
        return OutReason.OUT_OF_OFFICE
    if availability is Availability.ONLINE:
        return None if is_within_hours else OutReason.OUTSIDE_HOURS
    return OutReason(availability.value)
