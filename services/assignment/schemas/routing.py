"""Request and response models of agents' skills, capacity and availability, and of team strategies."""

from datetime import date
from typing import Annotated
from uuid import UUID

from pydantic import Field, StringConstraints, model_validator

from services.assignment.schemas.tickets import View
from shared.contracts.base import Instant
from shared.contracts.vocabulary import Availability, Priority
from shared.domain.routing import HIGHEST_LEVEL, LOWEST_LEVEL
from shared.kit.http.inputs import Input, Whole

Skill = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
Skills = Annotated[tuple[Skill, ...], Field(max_length=50)]
Level = Annotated[Whole, Field(ge=LOWEST_LEVEL, le=HIGHEST_LEVEL)]
SkillLevels = Annotated[dict[Skill, Level], Field(max_length=50, examples=[{"payments": 4}])]
Capacity = Annotated[Whole, Field(ge=0, le=10_000)]
PriorityWeights = Annotated[dict[Priority, Annotated[Whole, Field(ge=0, le=100)]], Field(examples=[{"urgent": 2}])]
Weight = Annotated[Whole, Field(ge=1, le=100)]
CalendarSlug = Annotated[str, Field(min_length=1, max_length=64)]
OfferSeconds = Annotated[Whole, Field(ge=10, le=86_400)]
HoldSeconds = Annotated[Whole, Field(ge=60, le=31_536_000)]


class AbsenceView(View):
    """Days out of office, both included, in the zone of the agent's calendar."""

    first_day: date
    last_day: date
    delegate_id: UUID | None = None
    """Who is given the tickets for which requesters wait."""


class AbsenceInput(Input):
    """Days out of office, both included, in the zone of the agent's calendar."""

    first_day: date
    last_day: date
    delegate_id: UUID | None = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> "AbsenceInput":
        if self.last_day < self.first_day:
            raise ValueError("ends before it begins")
        return self


Absences = Annotated[tuple[AbsenceInput, ...], Field(max_length=50)]


class AvailabilityInput(Input):
    """What an agent says of themselves."""

    availability: Availability
    out_of_office: Absences | None = None
    """Replaces the days out of office; left out, they stay."""


class OfferView(View):
    """A ticket that the agent is asked to take, by claiming it."""

    ticket_id: UUID
    number: str
    subject: str
    expires_at: Instant
