"""Converts an agent's skills, capacity, hours and absences from requests to columns."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from services.assignment.models import Agent, Calendar
from services.assignment.schemas.people import AgentInput
from services.assignment.schemas.routing import AbsenceInput
from shared.contracts.vocabulary import Availability
from shared.kit.db import Session
from shared.kit.http.problems import invalid

NULLABLE = frozenset({"capacity", "calendar"})


async def complete_abilities(session: Session, agent: Agent, changes: dict[str, Any]) -> None:
    """Rewrites `changes` of an agent in place, as their columns have it. Raises Problem 422."""
    _set_availability(changes)
    _set_skills(agent, changes)
    if (weights := changes.get("priority_weights")) is not None:
        changes["priority_weights"] = {priority.value: weight for priority, weight in weights.items() if weight != 1}
    if (absences := changes.get("out_of_office")) is not None:
        changes["out_of_office"] = await _absences(session, agent.id, absences)
    if (slug := changes.get("calendar")) is not None:
        await _check_calendar(session, slug)
    _check_room({"capacity": agent.capacity, "priority_weights": agent.priority_weights} | changes)


async def new_abilities(session: Session, agent_id: UUID, body: AgentInput) -> dict[str, Any]:
    """The columns of an agent who is added. Raises Problem 422."""
    names = ("availability", "out_of_office", "calendar", "skills", "skill_levels", "capacity")
    values = {name: getattr(body, name) for name in (*names, "priority_weights", "weight", "is_available")}
    if body.availability is None:
        del values["availability"]
    elif "is_available" not in body.model_fields_set:
        del values["is_available"]
    blank = Agent(id=agent_id, skills=[], skill_levels={}, capacity=None, priority_weights={})
    await complete_abilities(session, blank, values)
    return values | {"skills": list(values["skills"])}


def _set_availability(changes: dict[str, Any]) -> None:
    availability: Availability | None = changes.pop("availability", None)
    if availability is None:
        return
    is_online = availability is Availability.ONLINE
    if changes.get("is_available", is_online) != is_online:
        raise invalid("/is_available", "says something else than `availability`; leave it out")
    changes["is_available"] = is_online
    if not is_online:
        changes["unavailable_as"] = availability.value


def _set_skills(agent: Agent, changes: dict[str, Any]) -> None:
    """Levels belong to skills: naming one adds the skill, taking a skill away takes its level along."""
    if changes.keys().isdisjoint({"skills", "skill_levels"}):
        return
    levels: Mapping[str, int] = changes.get("skill_levels", agent.skill_levels)
    names: Sequence[str] = list(changes["skills"]) if "skills" in changes else list(agent.skills)
    if "skill_levels" in changes:
        names = [*names, *(name for name in levels if name not in names)]
    changes["skills"] = names
    changes["skill_levels"] = {name: level for name, level in levels.items() if name in names}


def _check_room(values: Mapping[str, Any]) -> None:
    heaviest = max(values["priority_weights"].values(), default=1)
    capacity = values["capacity"]
    if capacity and capacity < heaviest:
        raise invalid("/capacity", f"must be at least {heaviest}, or a ticket of the heaviest priority never fits")


async def _check_calendar(session: Session, slug: str) -> None:
    if await session.scalar(select(Calendar.slug).where(Calendar.slug == slug, Calendar.is_current)) is None:
        raise invalid("/calendar", "there is no such calendar")


async def _absences(session: Session, agent_id: UUID, absences: Sequence[AbsenceInput]) -> list[dict[str, Any]]:
    delegates = {one.delegate_id for one in absences if one.delegate_id is not None}
    if agent_id in delegates:
        raise invalid("/out_of_office", "nobody stands in for themselves")
    known = set(await session.scalars(select(Agent.id).where(Agent.id.in_(delegates), Agent.is_active)))
    if delegates - known:
        raise invalid("/out_of_office", "a delegate is not an active agent")
    return [one.model_dump(mode="json") for one in sorted(absences, key=lambda one: (one.first_day, one.last_day))]
