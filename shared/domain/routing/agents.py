"""An agent as the selection sees them: skills, load, capacity and availability."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from shared.contracts.base import AgentId
from shared.contracts.vocabulary import Availability, OutReason, Priority
from shared.domain.routing.demand import LOWEST_LEVEL, Demand, SkillDemand


@dataclass(frozen=True, slots=True)
class Absence:
    """Days out of office, both included, with an optional delegate."""

    first_day: date
    last_day: date
    delegate_id: AgentId | None = None

    def covers(self, day: date) -> bool:
        """Whether the day is part of the absence."""
        return self.first_day <= day <= self.last_day


@dataclass(slots=True)
class AgentStanding:
    """An agent of a team with current load; `load`, `last_assigned_at` and `turn` are updated by each assignment."""

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
        """The capacity that a ticket of this priority uses."""
        return self.priority_weights.get(priority.value, 1)

    def has_room(self, priority: Priority) -> bool:
        """Whether a ticket of this priority fits into the remaining capacity."""
        return self.capacity is None or self.load + self.cost_of(priority) <= self.capacity

    def has_skill(self, skill: SkillDemand) -> bool:
        """Whether the agent has the skill at the demanded level or above."""
        return self.skills.get(skill.name, 0) >= skill.level

    def out_for(self, demand: Demand) -> OutReason | None:
        """Why the agent is not eligible for the ticket, or None."""
        if self.absent_as is not None:
            return self.absent_as
        if demand.required and not all(self.has_skill(skill) for skill in demand.required):
            return OutReason.LACKS_SKILL
        return None if self.has_room(demand.priority) else OutReason.FULL

    def preference_for(self, demand: Demand) -> tuple[int, int]:
        """The number of preferred skills the agent has, and the sum of their levels."""
        levels = [self.skills[skill.name] for skill in demand.preferred if self.has_skill(skill)]
        return len(levels), sum(levels)


def level_map(names: list[str], levels: Mapping[str, int]) -> dict[str, int]:
    """Skill levels by skill name; a skill without a level has level 1."""
    return {name: levels.get(name, LOWEST_LEVEL) for name in names}


def absence_reason(
    availability: Availability, today: date, absences: tuple[Absence, ...], *, is_within_hours: bool
) -> OutReason | None:
    """Why the agent gets no tickets now, or None.

    A planned absence is reported before other reasons, because it tells when the agent is back.
    """
    if any(absence.covers(today) for absence in absences):
        return OutReason.OUT_OF_OFFICE
    if availability is Availability.ONLINE:
        return None if is_within_hours else OutReason.OUTSIDE_HOURS
    return OutReason(availability.value)
