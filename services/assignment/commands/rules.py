"""Administration of calendars, SLA policies and routing rules. A change of the first two makes a new version."""

from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel, ValidationError
from pydantic_core import to_json
from sqlalchemy import func, select, update

from services.assignment.commands.administration import changes_of, changing, get_locked
from services.assignment.context import Context
from services.assignment.models import Calendar, Policy, RoutingRule, Team
from services.assignment.queries.rules import (
    calendar_view,
    get_current_calendar,
    get_current_policy,
    policy_view,
    rule_view,
)
from services.assignment.schemas.rules import (
    CalendarInput,
    CalendarPatch,
    CalendarView,
    PolicyInput,
    PolicyPatch,
    PolicyView,
    RoutingRuleInput,
    RoutingRulePatch,
    RoutingRuleView,
)
from shared.contracts.calendars import BusinessCalendar
from shared.contracts.policies import SlaPolicy
from shared.domain.business_time import NoOpenTime, next_opening
from shared.kit.calendars import UnknownHolidayCountry, resolve
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Session
from shared.kit.http.problems import Problem, invalid

Whole = TypeVar("Whole", bound=BaseModel)
RULE_NULLS = frozenset({"topic", "priority", "policy_id", "set_priority"})


async def create_calendar(session: Session, body: CalendarInput) -> CalendarView:
    """Adds a calendar that opens at all."""
    hours = BusinessCalendar.model_validate(body.model_dump(exclude={"slug", "name"}))
    return calendar_view(await _add_calendar(session, body.slug, body.name, 1, hours))


async def change_calendar(context: Context, slug: str, body: CalendarPatch) -> CalendarView:
    """The next version of a calendar; running tickets keep the hours they were promised."""
    changes = changes_of(body, nullable=frozenset({"holiday_country"}))
    async with changing(context) as session:
        await _lock(session, f"calendar:{slug}")
        current = await get_current_calendar(session, slug)
        name = changes.pop("name", current.name)
        hours = _merged(BusinessCalendar, current.body, changes)
        current.is_current = False
        await session.flush()
        return calendar_view(await _add_calendar(session, slug, name, current.version + 1, hours))


async def create_policy(session: Session, body: PolicyInput) -> PolicyView:
    """Adds an SLA policy."""
    policy = SlaPolicy.model_validate(body.model_dump(exclude={"is_default"}))
    return policy_view(await _add_policy(session, new_id(), 1, policy, is_default=body.is_default))


async def change_policy(context: Context, policy_id: UUID, body: PolicyPatch) -> PolicyView:
    """The next version of a policy; tickets keep the version they have until `change-policy`."""
    changes = changes_of(body)
    async with changing(context) as session:
        await _lock(session, f"policy:{policy_id}")
        current = await get_current_policy(session, policy_id)
        is_default = changes.pop("is_default", current.is_default)
        if current.is_default and not is_default:
            raise Problem(409, "default_needed", "mark another policy as the default instead")
        merged = _merged(SlaPolicy, current.body, changes)
        current.is_current = False
        await session.flush()
        return policy_view(await _add_policy(session, policy_id, current.version + 1, merged, is_default=is_default))


async def create_rule(session: Session, body: RoutingRuleInput) -> RoutingRuleView:
    """Adds a line to the routing table."""
    rule = RoutingRule(id=new_id(), version=1, **_columns(body.model_dump()))
    await _check_rule(session, rule)
    session.add(rule)
    await session.flush()
    return rule_view(rule)


async def change_rule(context: Context, rule_id: UUID, body: RoutingRulePatch) -> RoutingRuleView:
    """Changes a line of the routing table, for tickets to come."""
    changes = _columns(changes_of(body, nullable=RULE_NULLS))
    async with changing(context) as session:
        rule = await get_locked(session, RoutingRule, rule_id, "routing rule")
        for name, value in changes.items():
            setattr(rule, name, value)
        rule.version += 1
        with session.no_autoflush:
            await _check_rule(session, rule)
        await session.flush()
        return rule_view(rule)


async def delete_rule(context: Context, rule_id: UUID) -> None:
    """Takes a line out of the routing table. Raises Problem 404."""
    async with changing(context) as session:
        await session.delete(await get_locked(session, RoutingRule, rule_id, "routing rule"))


async def _add_calendar(session: Session, slug: str, name: str, version: int, hours: BusinessCalendar) -> Calendar:
    now = utc_now()
    _check_opens(hours, slug, now)
    body = hours.model_dump(mode="json")
    calendar = Calendar(slug=slug, version=version, name=name, body=body, is_current=True, created_at=now)
    session.add(calendar)
    await session.flush()
    return calendar


async def _add_policy(
    session: Session, policy_id: UUID, version: int, policy: SlaPolicy, *, is_default: bool
) -> Policy:
    if await session.scalar(select(Calendar.slug).where(Calendar.slug == policy.calendar, Calendar.is_current)) is None:
        raise invalid("/calendar", f"there is no calendar {policy.calendar}; see GET /v1/calendars")
    if is_default:
        await session.execute(update(Policy).where(Policy.is_default, Policy.is_current).values(is_default=False))
    stored = Policy(
        id=policy_id,
        version=version,
        body=policy.model_dump(mode="json"),
        is_default=is_default,
        is_current=True,
        created_at=utc_now(),
    )
    session.add(stored)
    await session.flush()
    return stored


def _check_opens(hours: BusinessCalendar, slug: str, now: datetime) -> None:
    """Raises Problem 422 for a calendar no promise could be kept in."""
    try:
        next_opening(resolve(hours, slug, 1, now), now)
    except UnknownHolidayCountry as error:
        raise invalid("/holiday_country", str(error)) from error
    except NoOpenTime as error:
        raise invalid("/weekly", f"this calendar does not open any more: {error}") from error


async def _check_rule(session: Session, rule: RoutingRule) -> None:
    """Raises Problem 422 for what does not exist."""
    if await session.get(Team, rule.team_id) is None:
        raise invalid("/team_id", "there is no such team")
    if rule.policy_id is not None:
        known = await session.scalar(select(Policy.id).where(Policy.id == rule.policy_id, Policy.is_current))
        if known is None:
            raise invalid("/policy_id", "there is no such SLA policy")


def _merged(model: type[Whole], body: dict[str, Any], changes: dict[str, Any]) -> Whole:
    """The stored value with changes; checked as if it had been sent whole. Raises Problem 422."""
    try:
        return model.model_validate_json(to_json({**body, **changes}))
    except ValidationError as error:
        first = error.errors()[0]
        raise invalid("/" + "/".join(map(str, first["loc"])), str(first["msg"])) from error


def _columns(values: dict[str, Any]) -> dict[str, Any]:
    """A rule's fields as columns take them."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


async def _lock(session: Session, name: str) -> None:
    """One change of this thing at a time."""
    await session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))
