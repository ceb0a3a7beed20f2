"""The versions of calendars and SLA policies, newest first."""

from typing import TypeVar
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.orm import InstrumentedAttribute

from services.assignment.models import Calendar, Policy
from services.assignment.queries.administration.configuration import get_current_calendar, get_current_policy
from services.assignment.queries.cursors import number_in
from services.assignment.schemas.versions import CalendarVersionView, PolicyVersionView, VersionView
from shared.kit.db import Session
from shared.kit.http.paging import Page, decode_cursor, encode_cursor
from shared.kit.http.problems import not_found

Shown = TypeVar("Shown", bound=VersionView)
Versioned = Calendar | Policy


async def list_calendar_versions(
    session: Session, slug: str, limit: int, cursor: str | None
) -> Page[CalendarVersionView]:
    """A page of a calendar's versions. Raises Problem 404 and, for a cursor not ours, 422."""
    await get_current_calendar(session, slug)
    query = select(Calendar).where(Calendar.slug == slug)
    return await _page(session, query, Calendar.version, CalendarVersionView, limit, cursor)


async def list_policy_versions(
    session: Session, policy_id: UUID, limit: int, cursor: str | None
) -> Page[PolicyVersionView]:
    """A page of a policy's versions. Raises Problem 404 and, for a cursor not ours, 422."""
    await get_current_policy(session, policy_id)
    query = select(Policy).where(Policy.id == policy_id)
    return await _page(session, query, Policy.version, PolicyVersionView, limit, cursor)


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
    return _view(CalendarVersionView, row)


def policy_version_view(row: Policy) -> PolicyVersionView:
    """A version as answered."""
    return _view(PolicyVersionView, row)


async def _page(
    session: Session,
    query: Select[Calendar] | Select[Policy],
    version: InstrumentedAttribute[int],
    shown: type[Shown],
    limit: int,
    cursor: str | None,
) -> Page[Shown]:
    """At most `limit` of the versions, newest first, from the cursor on."""
    position = decode_cursor(cursor, int)
    if position is not None:
        query = query.where(version < number_in(position[0]))
    rows = list(await session.scalars(query.order_by(version.desc()).limit(limit + 1)))
    next_cursor = encode_cursor(rows[limit - 1].version) if len(rows) > limit else None
    return Page(items=[_view(shown, row) for row in rows[:limit]], next_cursor=next_cursor)


def _view(shown: type[Shown], row: Versioned) -> Shown:
    return shown.model_validate({name: getattr(row, name) for name in shown.model_fields})
