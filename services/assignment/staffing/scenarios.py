"""Builds what is simulated from a question: arrivals, work, the policy with its calendar, and the agents' hours."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, Row, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.assignment.calendar_resolution import UnknownHolidayCountry, resolve
from services.assignment.models import Calendar, Policy, Team, table_of
from services.assignment.schemas.staffing import StaffingInput
from services.assignment.staffing.arrivals import ArrivalRates, TicketArrival, generate_arrivals, read_arrivals
from services.assignment.staffing.handling import draw_handling, read_handling
from services.assignment.staffing.simulation import StaffingScenario
from services.assignment.what_if_process import VisibilityScope
from shared.contracts.base import PolicyId
from shared.contracts.calendars import BusinessCalendar, ResolvedCalendar
from shared.contracts.policies import LifecycleTimes, PolicySnapshot, SlaPolicy
from shared.contracts.vocabulary import Strategy
from shared.domain.business_time import NoOpenTime, business_time_between, is_open
from shared.kit.http.problems import Problem, invalid, not_found

MEASURED_LEAST = 20
"""Resolved tickets that a measurement needs."""


@dataclass(frozen=True, slots=True)
class StaffingQuestion:
    """A question with what the process that answers it knows."""

    asked: StaffingInput
    scope: VisibilityScope
    zone: ZoneInfo
    now: datetime


@dataclass(frozen=True, slots=True)
class PreparedStaffing:
    """A scenario, and what its report names."""

    scenario: StaffingScenario
    team: str | None
    measured: int | None
    """Of how many tickets the work was measured."""


async def prepare(connection: AsyncConnection, question: StaffingQuestion) -> PreparedStaffing:
    """Returns the scenario. Raises Problem 404 for what is unknown, and 422 for what cannot be simulated."""
    asked = question.asked
    team = await _team(connection, question)
    policy = await _policy(connection, asked.policy_id or (team and team.policy_id), team and team.calendar, question)
    since, until = _period(question)
    random = Random(asked.seed)  # noqa: S311 - repeatable on purpose
    if asked.arrivals.source == "generated":
        rates = ArrivalRates(asked.arrivals.hourly_rates, question.zone)
        arrivals = generate_arrivals(rates, asked.arrivals.priorities, since, until, random)
    else:
        arrivals = await read_arrivals(connection, question.scope, team and team.id, since, until)
    if not arrivals:
        raise Problem(422, "nothing_to_simulate", "no ticket arrives in this period")
    work, measured = await _work(connection, question, team and team.id, policy, arrivals)
    scenario = StaffingScenario(
        arrivals=arrivals,
        work=work,
        policy=policy,
        strategy=_strategy(asked, team),
        shifts=[await _shift(connection, hours, since) for hours in asked.hours] or [None],
        open_tickets=asked.open_tickets,
        first_response_share=asked.first_response_share,
        since=since,
        until=until,
    )
    return PreparedStaffing(scenario, team.name if team else None, measured)


async def check_names(connection: AsyncConnection, question: StaffingQuestion) -> None:
    """Finds the team, the policy and the hours that are named. Raises Problem 404 and 422."""
    asked = question.asked
    team = await _team(connection, question)
    await _policy(connection, asked.policy_id or (team and team.policy_id), team and team.calendar, question)
    _strategy(asked, team)
    for hours in asked.hours:
        await _shift(connection, hours, question.now)


def _period(question: StaffingQuestion) -> tuple[datetime, datetime]:
    """The days replayed, or the days from the next Monday on that are generated."""
    arrivals = question.asked.arrivals
    if arrivals.source == "history":
        until = arrivals.to or question.now
        return until - timedelta(days=arrivals.days), until
    local = (arrivals.to or question.now).astimezone(question.zone)
    monday = datetime(local.year, local.month, local.day, tzinfo=question.zone) + timedelta(days=7 - local.weekday())
    since = monday.astimezone(question.now.tzinfo)
    return since, since + timedelta(days=arrivals.days)


def _strategy(asked: StaffingInput, team: Row[Any] | None) -> Strategy:
    strategy = asked.strategy or Strategy(team.strategy if team else Strategy.LEAST_LOADED)
    if strategy is Strategy.MANUAL:
        raise invalid("/strategy", "this team hands out its tickets by hand: name another strategy to simulate")
    return strategy


async def _team(connection: AsyncConnection, question: StaffingQuestion) -> Row[Any] | None:
    """The team, if the scope reaches it. Raises Problem 404."""
    named = question.asked.team
    if named is None:
        return None
    teams = table_of(Team)
    conditions: list[ColumnElement[bool]] = [teams.c.slug == named]
    with suppress(ValueError):
        conditions.append(teams.c.id == UUID(named))
    columns = (teams.c.id, teams.c.name, teams.c.strategy, teams.c.policy_id, teams.c.calendar)
    found: Any = (await connection.execute(select(*columns).where(or_(*conditions)))).first()
    if found is None or not (question.scope.is_everything or found.id in question.scope.team_ids):
        raise not_found("team")
    team: Row[Any] = found
    return team


async def _policy(
    connection: AsyncConnection, policy_id: UUID | None, team_calendar: str | None, question: StaffingQuestion
) -> PolicySnapshot:
    """The policy as a ticket would carry it, without warnings and escalations. Raises Problem 404."""
    policies = table_of(Policy)
    which = policies.c.is_default if policy_id is None else policies.c.id == policy_id
    stored = (await connection.execute(select(policies).where(policies.c.is_current, which))).first()
    if stored is None:
        raise not_found("SLA policy")
    policy = SlaPolicy.model_validate(stored.body)
    calendar = await _stored_calendar(connection, team_calendar or policy.calendar, question.now)
    return PolicySnapshot(
        policy_id=PolicyId(stored.id),
        version=stored.version,
        name=policy.name,
        targets=policy.targets,
        pause_on_hold=policy.pause_on_hold,
        warn_at=(),
        times=LifecycleTimes.model_validate(policy.model_dump(include=set(LifecycleTimes.model_fields))),
        calendar=calendar,
    )


async def _stored_calendar(connection: AsyncConnection, slug: str, at: datetime) -> ResolvedCalendar:
    calendars = table_of(Calendar)
    query = select(calendars).where(calendars.c.slug == slug, calendars.c.is_current)
    found = (await connection.execute(query)).first()
    if found is None:
        raise invalid("/hours", f"there is no calendar {slug}")
    return resolve(BusinessCalendar.model_validate(found.body), slug, found.version, at)


async def _shift(connection: AsyncConnection, hours: str | BusinessCalendar, at: datetime) -> ResolvedCalendar:
    """The hours of some agents. Raises Problem 422 for a calendar that is unknown or never opens."""
    try:
        if isinstance(hours, str):
            shift = await _stored_calendar(connection, hours, at)
        else:
            shift = resolve(hours, "given", 1, at)
        is_open(shift, at)
    except (UnknownHolidayCountry, NoOpenTime) as problem:
        raise invalid("/hours", str(problem) or "these hours never open") from problem
    return shift


async def _work(
    connection: AsyncConnection,
    question: StaffingQuestion,
    team_id: UUID | None,
    policy: PolicySnapshot,
    arrivals: Sequence[TicketArrival],
) -> tuple[list[timedelta], int | None]:
    """The work on each arrival, and of how many tickets it was measured. Raises Problem 422 for too few."""
    handling = question.asked.handling
    random = Random(question.asked.seed + 1)  # noqa: S311 - repeatable on purpose
    if handling.source == "given":
        return draw_handling(handling, len(arrivals), random), None
    until = question.now
    if question.asked.arrivals.source == "history":
        until = question.asked.arrivals.to or question.now
    days = timedelta(days=max(28, question.asked.arrivals.days if question.asked.arrivals.source == "history" else 28))
    open_time = partial(business_time_between, policy.calendar)
    known = await read_handling(connection, question.scope, team_id, (until - days, until), open_time)
    if len(known) < MEASURED_LEAST:
        counted = f"{len(known)} resolved ticket{'' if len(known) == 1 else 's'}"
        detail = f"work was measured on {counted}, and {MEASURED_LEAST} are needed: give a mean"
        raise Problem(422, "too_little_history", detail)
    return [random.choice(known) for _ in arrivals], len(known)
