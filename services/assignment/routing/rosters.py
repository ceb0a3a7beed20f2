"""Loads the agents of teams under row locks, so that concurrent decisions see each other's load.

Two statements: the first locks the teams, then their agents, always in the order of their ids; the second reads what
they have, which nobody else decides on until the transaction ends, and the version of each agent. What agents can do is
remembered by these versions.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ARRAY, ColumnElement, Row, Text, Uuid, bindparam, cast, func, literal_column, select

from services.assignment.models import Agent, Membership, Role, Team
from services.assignment.queries.administration.routing_stamp import RoutingStamp, stamp_columns
from services.assignment.routing.abilities import AgentAbilities, KnownAbilities
from services.assignment.routing.candidates import KnownCandidates
from services.assignment.routing.standings import STANDINGS, STANDINGS_IN_ONE
from services.assignment.routing.working_hours import AgentCalendars
from shared.contracts.base import AgentId, TeamId, TicketId
from shared.contracts.vocabulary import Handover, Priority, Strategy
from shared.domain.permissions import WORKS_TICKETS
from shared.domain.routing import Absence, AgentRoster, AgentStanding
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
    candidates: KnownCandidates
    encoded_candidates: dict[TicketId, tuple[str, ...]] = field(default_factory=dict)
    """Of each ticket that was decided about: its candidates, each in JSON, for the event log."""

    @property
    def expected(self) -> int:
        """How many of the agents may come today, those who are there included."""
        return len(self.roster.standings) - len(self.absences)

    @property
    def present(self) -> int:
        """How many get tickets now."""
        return sum(one.absent_as is None for one in self.roster.standings.values())


class SentTooSoon(Exception):
    """Rules that are not the newest sent a ticket here, or it was decided about: the transaction must not commit."""


@dataclass(frozen=True, slots=True)
class SentBy:
    """The rules that sent new tickets to their teams."""

    stamp: RoutingStamp
    ticket_ids: Collection[UUID]

    def check(self, teams: Sequence[Row[Any]], now: datetime) -> None:
        """Raises SentTooSoon if the rules have changed since, or one of the tickets has a decision."""
        if any(team.is_decided or RoutingStamp.of(team, now) != self.stamp for team in teams):
            raise SentTooSoon


@dataclass(frozen=True, slots=True)
class Place:
    """Where agents work who have no calendar of their own, and what is known of calendars."""

    calendars: AgentCalendars
    abilities: KnownAbilities
    candidates: KnownCandidates
    zone: ZoneInfo


PLANNED_ONCE = literal_column("set_config('plan_cache_mode', 'force_generic_plan', true)", Text)
"""For the rest of the transaction, whose second statement takes 40 times as long to plan as to run. PostgreSQL would
plan it anew each time, because with the number of agents known it expects a little less of it."""


def _lock_statement(*beside: ColumnElement[Any], is_waiting: bool = True, is_locking: bool = True) -> Any:
    """Teams first: the agents' rows are sorted before the first of them is locked, which reads all of the teams.

    The agents' ids come as text, as the second statement takes them: there may be hundreds, and nobody here reads them.
    """

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
    agent_ids = select(cast(func.array_agg(agents.c.id), Text)).scalar_subquery().label("agent_ids")
    return select(*teams.c, agent_ids, *beside, PLANNED_ONCE).select_from(teams)


LOCK = _lock_statement()
LOCK_AND_STAMP = _lock_statement(*stamp_columns())
LOCK_IF_FREE = _lock_statement(is_waiting=False)
LOOK = _lock_statement(is_locking=False)


async def lock_rosters(
    session: Session,
    place: Place,
    team_ids: Collection[UUID],
    now: datetime,
    *,
    is_waiting: bool = True,
    sent_by: SentBy | None = None,
) -> dict[TeamId, TeamRoster]:
    """The rosters of these teams; without `is_waiting`, only of those that nobody decides for at this moment.

    `sent_by` says by which rules new tickets come to the teams. Raises SentTooSoon if these are not the newest.
    """
    if sent_by is not None:
        return await _rosters(session, place, LOCK_AND_STAMP, team_ids, now, sent_by)
    return await _rosters(session, place, LOCK if is_waiting else LOCK_IF_FREE, team_ids, now)


async def read_rosters(
    session: Session, place: Place, team_ids: Collection[UUID], now: datetime
) -> dict[TeamId, TeamRoster]:
    """The rosters of these teams as they are, for what decides nothing: nobody waits for it."""
    return await _rosters(session, place, LOOK, team_ids, now)


async def _rosters(
    session: Session,
    place: Place,
    statement: Any,
    team_ids: Collection[UUID],
    now: datetime,
    sent_by: SentBy | None = None,
) -> dict[TeamId, TeamRoster]:
    connection = await session.connection()
    given = {"team_ids": sorted(team_ids), **({"ticket_ids": list(sent_by.ticket_ids)} if sent_by else {})}
    teams = (await connection.execute(statement, given)).all()
    if sent_by is not None:
        sent_by.check(teams, now)
    agent_ids = next((team.agent_ids for team in teams if team.agent_ids), None)
    rows: Sequence[Any] = ()
    if agent_ids and len(teams) == 1:
        one_team = {"team_id": teams[0].id, "agent_ids": agent_ids}
        rows = (await connection.execute(STANDINGS_IN_ONE, one_team)).all()
    elif agent_ids:
        several = {"team_ids": [team.id for team in teams], "agent_ids": agent_ids}
        rows = (await connection.execute(STANDINGS, several)).all()
    abilities = await place.abilities.of(session, {row[1]: (row[2], row[3], row[4]) for row in rows})
    named = {one.calendar for one in abilities.values() if one.calendar is not None}
    await place.calendars.learn(session, named, now)
    members = _members(rows, abilities, place, now)
    return {TeamId(team.id): _roster(team, *members.get(team.id, ([], {})), place) for team in teams}


def _roster(
    team: Row[Any], standings: list[AgentStanding], absences: Mapping[AgentId, Absence], place: Place
) -> TeamRoster:
    rules = TeamRules(
        TeamId(team.id), team.version, Strategy(team.strategy), team.offer_seconds, Handover(team.handover)
    )
    return TeamRoster(rules, AgentRoster(rules.strategy, standings), absences, place.candidates)


def _members(
    rows: Iterable[Iterable[Any]], abilities: Mapping[UUID, AgentAbilities], place: Place, now: datetime
) -> dict[UUID, tuple[list[AgentStanding], dict[AgentId, Absence]]]:
    """The rows of the second statement, understood: each team's agents, and who of them is out of office.

    There are hundreds with each decision, so columns are taken by their places, and nothing is called without need.
    """
    teams: dict[UUID, tuple[list[AgentStanding], dict[AgentId, Absence]]] = {}
    for team_id, agent_id, _, _, _, low, normal, high, urgent, last_assigned_at, turn in rows:
        able = abilities.get(agent_id)
        if able is None:
            continue
        standings, absences = teams.setdefault(team_id, ([], {}))
        weights, absent_as = able.priority_weights, None
        load = low + normal + high + urgent
        if weights:
            counts = (low, normal, high, urgent)
            load = sum(many * weights.get(one.value, 1) for one, many in zip(Priority, counts, strict=True))
        if not able.is_always_there:
            absent_as, absence = able.absence_at(now, place.calendars, place.zone)
            if absence is not None:
                absences[agent_id] = absence
        able_to = (able.skills, able.capacity, weights, able.weight)
        standings.append(AgentStanding(agent_id, load, last_assigned_at, absent_as, *able_to, turn))
    return teams
