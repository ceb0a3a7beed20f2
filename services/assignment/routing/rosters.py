"""Who a team's tickets can be given to now: read under locks, so that no two decisions count on the same room.

Two statements: the first locks the teams, then their agents, always in the order of their ids; the second reads what
they have, which nobody else decides on until the transaction ends.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ARRAY, Row, Uuid, bindparam, func, select

from services.assignment.models import Agent, Membership, Role, Team
from services.assignment.routing.standings import STANDINGS
from services.assignment.routing.working_hours import AgentCalendars
from shared.contracts.base import AgentId, TeamId
from shared.contracts.vocabulary import Availability, Handover, OutReason, Priority, Strategy
from shared.domain.permissions import WORKS_TICKETS
from shared.domain.routing import Absence, AgentRoster, AgentStanding, absence_reason, level_map
from shared.kit.db import Session


@dataclass(frozen=True, slots=True)
class TeamRules:
    """How a team's tickets are given out."""

    team_id: TeamId
    version: int
    strategy: Strategy
    offer_seconds: int | None
    handover: Handover


@dataclass(frozen=True, slots=True)
class TeamRoster:
    """A team's rules and its agents, locked until the transaction ends."""

    rules: TeamRules
    roster: AgentRoster
    absences: Mapping[AgentId, Absence]
    """Who is out of office today."""

    @property
    def expected(self) -> int:
        """How many of the agents may come today, those who are there included."""
        return len(self.roster.standings) - len(self.absences)

    @property
    def present(self) -> int:
        """How many get tickets now."""
        return sum(one.absent_as is None for one in self.roster.standings.values())


@dataclass(frozen=True, slots=True)
class Place:
    """Where agents work who have no calendar of their own, and what is known of calendars."""

    calendars: AgentCalendars
    zone: ZoneInfo


def _lock_statement(*, is_waiting: bool, is_locking: bool = True) -> Any:
    """Teams first: the agents' rows are sorted before the first of them is locked, which reads all of the teams."""

    def locked(rows: Any, *, skip_locked: bool) -> Any:
        return rows.with_for_update(key_share=True, skip_locked=skip_locked) if is_locking else rows

    wanted = Team.id == func.any(bindparam("team_ids", type_=ARRAY(Uuid())))
    columns = (Team.id, Team.version, Team.strategy, Team.offer_seconds, Team.handover)
    teams = locked(select(*columns).where(wanted).order_by(Team.id), skip_locked=not is_waiting).cte("locked_teams")
    members = (
        select(Membership.agent_id)
        .join(Role, Role.id == Membership.role_id)
        .where(Membership.team_id.in_(select(teams.c.id)), Role.permissions.op("&&")(sorted(WORKS_TICKETS)))
    )
    working = select(Agent.id).where(Agent.id.in_(members), Agent.is_active).order_by(Agent.id)
    agents = locked(working, skip_locked=False).cte("locked_agents")
    return select(*teams.c, select(func.array_agg(agents.c.id)).scalar_subquery().label("agent_ids")).select_from(teams)


LOCK = _lock_statement(is_waiting=True)
LOCK_IF_FREE = _lock_statement(is_waiting=False)
LOOK = _lock_statement(is_waiting=True, is_locking=False)


async def lock_rosters(
    session: Session, place: Place, team_ids: Collection[UUID], now: datetime, *, is_waiting: bool = True
) -> dict[TeamId, TeamRoster]:
    """The rosters of these teams; without `is_waiting`, only of those that nobody decides for at this moment."""
    return await _rosters(session, place, LOCK if is_waiting else LOCK_IF_FREE, team_ids, now)


async def read_rosters(
    session: Session, place: Place, team_ids: Collection[UUID], now: datetime
) -> dict[TeamId, TeamRoster]:
    """The rosters of these teams as they are, for what decides nothing: nobody waits for it."""
    return await _rosters(session, place, LOOK, team_ids, now)


async def _rosters(
    session: Session, place: Place, statement: Any, team_ids: Collection[UUID], now: datetime
) -> dict[TeamId, TeamRoster]:
    connection = await session.connection()
    teams = (await connection.execute(statement, {"team_ids": sorted(team_ids)})).all()
    agent_ids = {agent_id for team in teams for agent_id in team.agent_ids or ()}
    locked = {"team_ids": [team.id for team in teams], "agent_ids": sorted(agent_ids)}
    rows: Sequence[Row[Any]] = (await connection.execute(STANDINGS, locked)).all() if agent_ids else ()
    named = {(row.calendar, row.calendar_version) for row in rows if row.calendar_version is not None}
    await place.calendars.learn(session, named, now)
    rosters: dict[TeamId, TeamRoster] = {}
    for team in teams:
        of_team = [_Member.of(row, place, now) for row in rows if row.team_id == team.id]
        rules = TeamRules(
            TeamId(team.id), team.version, Strategy(team.strategy), team.offer_seconds, Handover(team.handover)
        )
        roster = AgentRoster(rules.strategy, [one.standing for one in of_team])
        absences = {one.standing.agent_id: one.absence for one in of_team if one.absence is not None}
        rosters[rules.team_id] = TeamRoster(rules, roster, absences)
    return rosters


@dataclass(frozen=True, slots=True)
class _Member:
    """A row of the second statement, understood."""

    standing: AgentStanding
    absence: Absence | None

    @classmethod
    def of(cls, row: Row[Any], place: Place, now: datetime) -> "_Member":
        weights: dict[str, int] = row.priority_weights or {}
        counts = (row.low, row.normal, row.high, row.urgent)
        load = sum(counts)
        if weights:
            load = sum(many * weights.get(one.value, 1) for one, many in zip(Priority, counts, strict=True))
        absent_as, absence = _absence_of(row, place, now)
        standing = AgentStanding(
            agent_id=AgentId(row.agent_id),
            load=load,
            last_assigned_at=row.last_assigned_at,
            absent_as=absent_as,
            skills=level_map(row.skills, row.skill_levels or {}),
            capacity=row.capacity,
            priority_weights=weights,
            weight=row.weight,
            turn=row.turn,
        )
        return cls(standing, absence)


def _absence_of(row: Row[Any], place: Place, now: datetime) -> tuple[OutReason | None, Absence | None]:
    """Why an agent gets nothing now, and the days out of office that today is one of."""
    if row.is_available and row.calendar_version is None and row.out_of_office is None:
        return None, None
    name = (row.calendar, row.calendar_version) if row.calendar_version is not None else None
    availability = Availability.ONLINE if row.is_available else Availability(row.unavailable_as)
    today, absences = place.calendars.today(name, now, place.zone), absences_of(row.out_of_office or ())
    reason = absence_reason(availability, today, absences, is_within_hours=place.calendars.is_open(name, now))
    return reason, next((absence for absence in absences if absence.covers(today)), None)


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
