"""SLA policies, calendars and routing rules as the API answers them."""

from uuid import UUID

from sqlalchemy import select

from services.assignment.models import Calendar, Policy, RoutingRule
from services.assignment.schemas.rules import CalendarView, PolicyView, RoutingRuleView
from shared.kit.db import Session
from shared.kit.http.problems import not_found


def calendar_view(calendar: Calendar) -> CalendarView:
    """A calendar as answered."""
    return CalendarView.model_validate(
        {
            **calendar.body,
            "slug": calendar.slug,
            "name": calendar.name,
            "version": calendar.version,
            "created_at": calendar.created_at,
        }
    )


def policy_view(policy: Policy) -> PolicyView:
    """A policy as answered."""
    return PolicyView.model_validate(
        {
            **policy.body,
            "id": policy.id,
            "version": policy.version,
            "is_default": policy.is_default,
            "created_at": policy.created_at,
        }
    )


def rule_view(rule: RoutingRule) -> RoutingRuleView:
    """A routing rule as answered."""
    return RoutingRuleView.model_validate({name: getattr(rule, name) for name in RoutingRuleView.model_fields})


async def get_current_calendar(session: Session, slug: str) -> Calendar:
    """A calendar's newest version. Raises Problem 404."""
    found = await session.scalar(select(Calendar).where(Calendar.slug == slug, Calendar.is_current))
    if found is None:
        raise not_found("calendar")
    return found


async def get_current_policy(session: Session, policy_id: UUID) -> Policy:
    """A policy's newest version. Raises Problem 404."""
    found = await session.scalar(select(Policy).where(Policy.id == policy_id, Policy.is_current))
    if found is None:
        raise not_found("SLA policy")
    return found


async def list_calendars(session: Session) -> list[CalendarView]:
    """Every calendar's newest version."""
    rows = await session.scalars(select(Calendar).where(Calendar.is_current).order_by(Calendar.slug))
    return [calendar_view(row) for row in rows]


async def list_policies(session: Session) -> list[PolicyView]:
    """Every policy's newest version, the default first."""
    rows = await session.scalars(
        select(Policy)
        .where(Policy.is_current)
        .order_by(Policy.is_default.desc(), Policy.body["name"].astext, Policy.id)
    )
    return [policy_view(row) for row in rows]


async def list_rules(session: Session) -> list[RoutingRuleView]:
    """The routing table in order."""
    return [rule_view(row) for row in await session.scalars(select(RoutingRule).order_by(RoutingRule.position))]
