"""The versions of calendars and SLA policies, newest first."""

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, select

from services.assignment.models import Calendar, Policy
from services.assignment.queries.configuration import get_current_calendar, get_current_policy
from services.assignment.queries.cursors import number_in
from services.assignment.schemas.versions import CalendarVersionView, PolicyVersionView
from shared.kit.db import Session
from shared.kit.http.paging import Page, decode_cursor, encode_cursor
from shared.kit.http.problems import not_found

Query = TypeVar("Query", bound=Select[Any])


async def list_calendar_versions(
    session: Session, slug: str, limit: int, cursor: str | None
) -> Page[CalendarVersionView]:
    """A page of a calendar's versions. Raises Problem 404 and, for a cursor not ours, 422."""
    await get_current_calendar(session, slug)
    query = select(Calendar).where(Calendar.slug == slug).order_by(Calendar.version.desc())
    rows = list(await session.scalars(_page(query, Calendar.version.expression, limit, cursor)))
    return Page(
        items=[calendar_version_view(row) for row in rows[:limit]],
        next_cursor=_next([row.version for row in rows], limit),
    )


async def list_policy_versions(
    session: Session, policy_id: UUID, limit: int, cursor: str | None
) -> Page[PolicyVersionView]:
    """A page of a policy's versions. Raises Problem 404 and, for a cursor not ours, 422."""
    await get_current_policy(session, policy_id)
    query = select(Policy).where(Policy.id == policy_id).order_by(Policy.version.desc())
    rows = list(await session.scalars(_page(query, Policy.version.expression, limit, cursor)))
    return Page(
        items=[policy_version_view(row) for row in rows[:limit]],
        next_cursor=_next([row.version for row in rows], limit),
    )


async def get_calendar_version(session: Session, slug: str, version: int) -> Calendar:
    """One version of a calendar. Raises Problem 404."""
    found = await session.get(Calendar, (slug, version))
    if found is None:
        raise not_found("version of this calendar")
    return found


async def get_policy_version(session: Session, policy_id: UUID, version: int) -> Policy:
    """One version of a policy. Raises Problem 404."""
    found = await session.get(Policy, (policy_id, version))
    if found is None:
        raise not_found("version of this SLA policy")
    return found


def calendar_version_view(row: Calendar) -> CalendarVersionView:
    """A version as answered."""
    return CalendarVersionView.model_validate({name: getattr(row, name) for name in CalendarVersionView.model_fields})


def policy_version_view(row: Policy) -> PolicyVersionView:
    """A version as answered."""
    return PolicyVersionView.model_validate({name: getattr(row, name) for name in PolicyVersionView.model_fields})


def _page(query: Query, version: ColumnElement[int], limit: int, cursor: str | None) -> Query:
    position = decode_cursor(cursor, int)
    if position is not None:
        query = query.where(version < number_in(position[0]))
    return query.limit(limit + 1)


def _next(versions: Sequence[int], limit: int) -> str | None:
    return encode_cursor(versions[limit - 1]) if len(versions) > limit else None
