"""Validates calendars and SLA policies: reachable targets, existing teams, no removed default."""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select

from services.assignment.calendar_resolution import UnknownHolidayCountry, resolve
from services.assignment.models import Agent, Calendar, Policy, Team
from shared.contracts.calendars import BusinessCalendar, ResolvedCalendar
from shared.contracts.policies import SlaPolicy, Targets, WorkingDays
from shared.contracts.vocabulary import Metric
from shared.domain.business_time import InstantOutOfRange, NoOpenTime, add_business_time, add_working_days, next_opening
from shared.kit.db import Session
from shared.kit.http.problems import Problem, invalid


async def check_calendar(session: Session, slug: str, hours: BusinessCalendar, now: datetime) -> None:
    """Raises Problem 422 for a calendar that stays closed, or in which a policy's target would never be reached."""
    resolved = _resolved(slug, hours, now)
    try:
        next_opening(resolved, now)
    except NoOpenTime as error:
        raise invalid("/weekly", f"this calendar does not open any more: {error}") from error
    using = await session.scalars(select(Policy).where(Policy.is_current, Policy.body["calendar"].astext == slug))
    for policy in using:
        longest = _longest({name: Targets.model_validate(one) for name, one in policy.body["targets"].items()})
        if not _is_reached(resolved, longest, now):
            name = policy.body["name"]
            raise invalid("/weekly", f"it opens too seldom: {name} promises {longest} of its open time")


async def check_policy(session: Session, policy: SlaPolicy, now: datetime) -> None:
    """Raises Problem 422 for a calendar, team or agent that does not exist, and for a target beyond reach."""
    calendar = await session.scalar(select(Calendar).where(Calendar.slug == policy.calendar, Calendar.is_current))
    if calendar is None:
        raise invalid("/calendar", f"there is no calendar {policy.calendar}; see GET /v1/calendars")
    longest = _longest({name.value: targets for name, targets in policy.targets.items()})
    resolved = _resolved(policy.calendar, BusinessCalendar.model_validate(calendar.body), now)
    if not _is_reached(resolved, longest, now):
        raise invalid("/targets", f"the calendar {policy.calendar} opens too seldom for {longest} of its open time")
    for position, step in enumerate(policy.escalations):
        if step.to is not None:
            await _check_target(session, f"/escalations/{position}/to", step.to)


def _resolved(slug: str, hours: BusinessCalendar, now: datetime) -> ResolvedCalendar:
    try:
        return resolve(hours, slug, 1, now)
    except UnknownHolidayCountry as error:
        raise invalid("/holiday_country", str(error)) from error


class _Longest(NamedTuple):
    """The longest target in open time, and the longest in working days."""

    open_time: timedelta
    working_days: int

    def __str__(self) -> str:
        days = str(WorkingDays(working_days=self.working_days)) if self.working_days else ""
        return " and ".join(filter(None, (str(self.open_time) if self.open_time else "", days)))


def _longest(targets: dict[str, Targets]) -> _Longest:
    given = [target for one in targets.values() for metric in Metric if (target := one.of(metric)) is not None]
    seconds = (target for target in given if not isinstance(target, WorkingDays))
    days = (target.working_days for target in given if isinstance(target, WorkingDays))
    return _Longest(timedelta(seconds=max(seconds, default=0)), max(days, default=0))


def _is_reached(calendar: ResolvedCalendar, longest: _Longest, now: datetime) -> bool:
    try:
        add_business_time(calendar, now, longest.open_time)
        add_working_days(calendar, now, longest.working_days)
    except (NoOpenTime, InstantOutOfRange):
        return False
    return True


async def _check_target(session: Session, pointer: str, to: str) -> None:
    kind, _, name = to.partition(":")
    if kind == "team" and await session.scalar(select(Team.id).where(Team.slug == name, Team.is_active)) is None:
        raise invalid(pointer, f"there is no active team {name}; see GET /v1/teams")
    if kind == "agent":
        try:
            known = await session.scalar(select(Agent.id).where(Agent.id == UUID(name), Agent.is_active))
        except ValueError:
            known = None
        if known is None:
            raise invalid(pointer, "there is no such active agent; see GET /v1/agents")


def refuse_removed_default(*, was_default: bool, is_default: bool) -> None:
    """Tickets for which no rule names a policy need one. Raises Problem 409."""
    if was_default and not is_default:
        raise Problem(409, "default_needed", "mark another policy as the default instead")


def refuse_inactive_default(*, is_default: bool, is_active: bool) -> None:
    """The default is what tickets get whose own policy is inactive. Raises Problem 409."""
    if is_default and not is_active:
        raise Problem(409, "default_needed", "the default policy must be active; mark another policy as the default")
