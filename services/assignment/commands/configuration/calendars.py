"""Administration of calendars: every change is a new version, and an old one can be had back."""

from uuid import UUID

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import changes_of, changing
from services.assignment.commands.configuration.audit import record_change
from services.assignment.commands.configuration.policy_validation import check_calendar
from services.assignment.commands.configuration.versions import check_not_newest, is_same, lock, merged, restored
from services.assignment.models import Calendar, CalendarFeed
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.administration.configuration import calendar_view, get_current_calendar
from services.assignment.queries.administration.versions import get_calendar_version
from services.assignment.schemas.rules import CalendarInput, CalendarPatch, CalendarView
from shared.contracts.calendars import BusinessCalendar
from shared.kit.clock import utc_now
from shared.kit.db import Session


async def create_calendar(session: Session, body: CalendarInput, by: UUID | None) -> CalendarView:
    """Adds a calendar that opens at all."""
    hours = BusinessCalendar.model_validate(body.model_dump(exclude={"slug", "name"}))
    view = calendar_view(await _add(session, body.slug, body.name, 1, hours, by))
    await record_change(session, None, view)
    return view


async def change_calendar(context: AppState, by: Caller, slug: str, body: CalendarPatch) -> CalendarView:
    """The next version of a calendar, if anything differs; running tickets keep the hours they were promised."""
    changes = changes_of(body, nullable=frozenset({"holiday_country"}))
    async with changing(context, by) as session:
        current = await lock_calendar(session, slug)
        name = changes.pop("name", current.name)
        hours = merged(BusinessCalendar, current.body, changes)
        if name == current.name and is_same(hours, current.body):
            return calendar_view(current, await session.get(CalendarFeed, slug))
        changed = await add_next_version(session, current, hours, by.person_id, name)
        return calendar_view(changed, await session.get(CalendarFeed, slug))


async def restore_calendar(session: Session, slug: str, version: int, by: UUID | None) -> CalendarView:
    """An old version once more, as the newest. Raises Problem 404 and 409."""
    current = await lock_calendar(session, slug)
    check_not_newest(version, current.version)
    old = await get_calendar_version(session, slug, version)
    hours = restored(BusinessCalendar, old.body, version)
    changed = await add_next_version(session, current, hours, by, old.name)
    return calendar_view(changed, await session.get(CalendarFeed, slug))


async def lock_calendar(session: Session, slug: str) -> Calendar:
    """A calendar's newest version, about to be followed by the next. Raises Problem 404."""
    await lock(session, f"calendar:{slug}")
    return await get_current_calendar(session, slug)


async def add_next_version(
    session: Session, current: Calendar, hours: BusinessCalendar, by: UUID | None, name: str | None = None
) -> Calendar:
    """Follows a locked calendar's newest version. Raises Problem 422 for a promise nobody could keep."""
    before = calendar_view(current)
    current.is_current = False
    await session.flush()
    following = await _add(session, current.slug, name or current.name, current.version + 1, hours, by)
    await record_change(session, before, calendar_view(following))
    return following


async def _add(
    session: Session, slug: str, name: str, version: int, hours: BusinessCalendar, by: UUID | None
) -> Calendar:
    now = utc_now()
    await check_calendar(session, slug, hours, now)
    calendar = Calendar(
        slug=slug,
        version=version,
        name=name,
        body=hours.model_dump(mode="json"),
        is_current=True,
        created_at=now,
        created_by=by,
    )
    session.add(calendar)
    await session.flush()
    return calendar
