"""Cache of agents' skills, capacity, hours and absences, per version of their rows."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, Row, Select, Uuid, and_, bindparam, func, literal_column, select

from services.assignment.models import Agent, Calendar
from services.assignment.routing.working_hours import AgentCalendars, Name
from shared.contracts.base import AgentId
from shared.contracts.vocabulary import Availability, OutReason
from shared.domain.routing import Absence, absence_reason, level_map
from shared.kit.db import Session

MOST: Final = 20_000
OWN_CALENDAR: Final = and_(Calendar.slug == Agent.calendar, Calendar.is_current)
VERSION: Final[tuple[Any, ...]] = (
    literal_column("agents.xmin").label("written_by"),
    literal_column("agents.ctid").label("place"),
    Calendar.version.label("calendar_version"),
)
"""Differs whenever the agent's row was written anew, or their calendar has another version."""
Version = tuple[int, tuple[int, int], int | None]


@dataclass(frozen=True, slots=True)
class AgentAbilities:
    """An agent's part of a decision that stays the same from one to the next."""

    skills: Mapping[str, int]
    capacity: int | None
    priority_weights: Mapping[str, int]
    weight: int
    availability: Availability
    calendar: Name | None
    absences: tuple[Absence, ...]

    @property
    def is_always_there(self) -> bool:
        """Whether nothing that passes with time keeps tickets from them."""
        return self.availability is Availability.ONLINE and self.calendar is None and not self.absences

    def absence_at(
        self, now: datetime, calendars: AgentCalendars, elsewhere: tzinfo
    ) -> tuple[OutReason | None, Absence | None]:
        """Why they get nothing now, and the days out of office that today is one of."""
        if self.is_always_there:
            return None, None
        today = calendars.today(self.calendar, now, elsewhere)
        is_open = calendars.is_open(self.calendar, now)
        reason = absence_reason(self.availability, today, self.absences, is_within_hours=is_open)
        return reason, next((absence for absence in self.absences if absence.covers(today)), None)


class KnownAbilities:
    """Those of this process; whether they still hold is asked with each decision, by their versions."""

    def __init__(self) -> None:
        self._known: dict[UUID, tuple[Version, AgentAbilities]] = {}

    async def of(self, session: Session, versions: Mapping[UUID, Version]) -> Mapping[UUID, AgentAbilities]:
        """The abilities of agents, as they are at these versions or later; reads those that are not known."""
        found: dict[UUID, AgentAbilities] = {}
        for one, version in versions.items():
            known = self._known.get(one)
            if known is not None and known[0] == version:
                found[one] = known[1]
        if len(found) < len(versions):
            read = await _read_abilities(session, versions.keys() - found.keys())
            if len(self._known) + len(read) > MOST:
                self._known.clear()
            self._known |= {one: (versions[one], abilities) for one, abilities in read.items()}
            found |= read
        return found


async def _read_abilities(session: Session, agent_ids: Collection[UUID]) -> dict[UUID, AgentAbilities]:
    connection = await session.connection()
    rows = await connection.execute(ABILITIES, {"agent_ids": sorted(agent_ids)})
    return {row.id: abilities_of(row) for row in rows}


def _abilities() -> Select[Any]:
    columns = (Agent.id, Agent.is_available, Agent.unavailable_as, Agent.skills, Agent.skill_levels, Agent.capacity)
    others = (Agent.priority_weights, Agent.weight, Agent.calendar, Agent.out_of_office)
    return (
        select(*columns, *others, Calendar.version.label("calendar_version"))
        .outerjoin(Calendar, OWN_CALENDAR)
        .where(Agent.id == func.any(bindparam("agent_ids", type_=ARRAY(Uuid()))))
    )


ABILITIES: Final = _abilities()


def abilities_of(row: Row[Any]) -> AgentAbilities:
    """A row of the statement, understood."""
    return AgentAbilities(
        skills=level_map(row.skills, row.skill_levels or {}),
        capacity=row.capacity,
        priority_weights=row.priority_weights or {},
        weight=row.weight,
        availability=Availability.ONLINE if row.is_available else Availability(row.unavailable_as),
        calendar=(row.calendar, row.calendar_version) if row.calendar_version is not None else None,
        absences=absences_of(row.out_of_office or ()),
    )


def absences_of(stored: Sequence[Mapping[str, Any]]) -> tuple[Absence, ...]:
    """An agent's days out of office."""
    return tuple(Absence(**_read(one)) for one in stored)


def _read(stored: Mapping[str, Any]) -> dict[str, Any]:
    delegate = stored.get("delegate_id")
    return {
        "first_day": datetime.fromisoformat(stored["first_day"]).date(),
        "last_day": datetime.fromisoformat(stored["last_day"]).date(),
        "delegate_id": AgentId(UUID(delegate)) if delegate else None,
    }
