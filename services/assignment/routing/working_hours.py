"""The working-hours calendars of agents, resolved once per version and year."""

from collections.abc import Collection
from datetime import date, datetime, tzinfo

from sqlalchemy import select, tuple_

from services.assignment.calendar_resolution import UnknownHolidayCountry, resolve
from services.assignment.models import Calendar
from shared.contracts.calendars import BusinessCalendar, ResolvedCalendar
from shared.domain.business_time import NoOpenTime, is_open
from shared.kit.db import Session
from shared.kit.telemetry import log

Name = tuple[str, int]
"""A calendar's slug and version."""
KEPT = 256


class AgentCalendars:
    """A per-process cache of resolved calendars; a miss costs one statement."""

    def __init__(self) -> None:
        self._known: dict[tuple[Name, int], ResolvedCalendar | None] = {}
        self._zones: dict[Name, tzinfo] = {}

    async def learn(self, session: Session, names: Collection[Name], now: datetime) -> None:
        """Loads those of the named calendars that are not cached for this year."""
        missing = {name for name in names if (name, now.year) not in self._known}
        if not missing:
            return
        if len(self._known) > KEPT:
            self._known.clear()
        rows = await session.scalars(
            select(Calendar).where(tuple_(Calendar.slug, Calendar.version).in_(sorted(missing)))
        )
        for row in rows:
            name, calendar = (row.slug, row.version), BusinessCalendar.model_validate(row.body)
            self._zones[name] = calendar.zone
            self._known[name, now.year] = _resolved(calendar, name, now)

    def is_open(self, name: Name | None, now: datetime) -> bool:
        """Whether an agent with this calendar is within working hours; without a calendar always true."""
        calendar = self._known.get((name, now.year)) if name is not None else None
        if calendar is None:
            return True
        try:
            return is_open(calendar, now)
        except NoOpenTime:
            return False

    def today(self, name: Name | None, now: datetime, elsewhere: tzinfo) -> date:
        """The current date in the calendar's time zone."""
        zone = self._zones.get(name) if name is not None else None
        return now.astimezone(zone or elsewhere).date()


def _resolved(calendar: BusinessCalendar, name: Name, now: datetime) -> ResolvedCalendar | None:
    """The calendar, or None if it names an unknown country: its agents then count as always working."""
    try:
        return resolve(calendar, name[0], name[1], now, years=1)
    except UnknownHolidayCountry as unknown:
        log.warning("routing.calendar_unusable", calendar=name[0], reason=str(unknown))
        return None
