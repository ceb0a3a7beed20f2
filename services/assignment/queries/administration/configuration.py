"""SLA policies, calendars and routing rules as the API answers them."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, select

from services.assignment.models import Calendar, CalendarFeed, Policy, RoutingRule, RoutingRuleCount, Topic
from services.assignment.schemas.holidays import FeedStatus, ImportMode
from services.assignment.schemas.routing_rules import RoutingRuleView, RuleCounts
from services.assignment.schemas.rules import CalendarView, PolicyView
from shared.kit.db import Session
from shared.kit.http.problems import not_found


def calendar_view(calendar: Calendar, feed: CalendarFeed | None = None) -> CalendarView:
    """A calendar as answered, beside the feed that keeps it fresh."""
    return CalendarView.model_validate(
        {
            **calendar.body,
            "slug": calendar.slug,
            "name": calendar.name,
            "version": calendar.version,
            "created_at": calendar.created_at,
            "feed_url": feed.url if feed else None,
            "feed_status": _feed_status(feed) if feed else None,
        }
    )


async def get_calendar_view(session: Session, slug: str) -> CalendarView:
    """A calendar's newest version as answered. Raises Problem 404."""
    return calendar_view(await get_current_calendar(session, slug), await session.get(CalendarFeed, slug))


def _feed_status(feed: CalendarFeed) -> FeedStatus:
    return FeedStatus(
        state="ok" if feed.failure is None else "failed",
        mode=ImportMode(feed.mode),
        include_free=feed.include_free,
        checked_at=feed.checked_at,
        succeeded_at=feed.succeeded_at,
        detail=feed.failure,
        next_at=feed.due_at,
    )


def policy_view(policy: Policy) -> PolicyView:
    """A policy as answered."""
    return PolicyView.model_validate(
        {
            **policy.body,
            "id": policy.id,
            "version": policy.version,
            "is_default": policy.is_default,
            "is_active": policy.is_active,
            "created_at": policy.created_at,
        }
    )


def rule_view(rule: RoutingRule, count: RoutingRuleCount | None = None) -> RoutingRuleView:
    """A routing rule as answered."""
    stored = {name: getattr(rule, name) for name in RoutingRuleView.model_fields if name != "counts"}
    counts = RuleCounts()
    if count is not None:
        counts = RuleCounts(
            matched=count.matched, would_have_matched=count.would_have, last_matched_at=count.last_matched_at
        )
    return RoutingRuleView.model_validate(stored | {"counts": counts})


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
    rows = await session.execute(
        select(Calendar, CalendarFeed)
        .outerjoin(CalendarFeed, CalendarFeed.slug == Calendar.slug)
        .where(Calendar.is_current)
        .order_by(Calendar.slug)
    )
    return [calendar_view(calendar, feed) for calendar, feed in rows]


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
    rows = await session.execute(_rules().order_by(RoutingRule.position))
    return [rule_view(rule, count) for rule, count in rows.tuples()]


async def get_rule_view(session: Session, rule_id: UUID) -> RoutingRuleView:
    """One routing rule. Raises Problem 404."""
    row = (await session.execute(_rules().where(RoutingRule.id == rule_id))).one_or_none()
    if row is None:
        raise not_found("routing rule")
    return rule_view(*row.tuple())


def _rules() -> Select[RoutingRule, RoutingRuleCount | None]:
    return select(RoutingRule, RoutingRuleCount).outerjoin(RoutingRuleCount, RoutingRuleCount.rule_id == RoutingRule.id)


async def list_active_topics(session: Session) -> Sequence[Topic]:
    """The help topics that tickets can be about, by name."""
    return (await session.scalars(select(Topic).where(Topic.is_active).order_by(Topic.name, Topic.id))).all()
