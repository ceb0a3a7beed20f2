"""Resolves a calendar for a workflow: a country's holidays as dates, the zone as its offset changes."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta

from shared.contracts.calendars import (
    WEEKDAYS,
    BusinessCalendar,
    Holiday,
    ResolvedCalendar,
)
from shared.domain.business_time.errors import NaiveInstant
from shared.domain.business_time.local_days import minute_spans
from shared.domain.business_time.offsets import EPOCH, offset_at, offset_changes

_SLACK = timedelta(days=3)


class UnknownHolidayCountry(ValueError):
    """The holiday library does not know this country or subdivision."""

    def __init__(self, code: str) -> None:
        super().__init__(f"no holidays are known for {code}; name no country, and list them by date")


def expand_holidays(calendar: BusinessCalendar, years: Iterable[int]) -> BusinessCalendar:
    """Returns the calendar with its country's public holidays in these years as dated holidays.

    A holiday the calendar already closes wholly is kept as it is; one it closes in part is closed wholly.
    Raises UnknownHolidayCountry.
    """
    if calendar.holiday_country is None:
        return calendar
    closed = {holiday.date for holiday in calendar.holidays if holiday.hours is None}
    public = _public_holidays(calendar.holiday_country, years)
    added = (Holiday(date=day, name=name[:200]) for day, name in sorted(public.items()) if day not in closed)
    return BusinessCalendar(
        timezone=calendar.timezone,
        weekly=calendar.weekly,
        holidays=(*calendar.holidays, *added),
        special_days=calendar.special_days,
    )


def horizon(at: datetime, years: int = 10) -> tuple[date, date]:
    """Returns the first and last date for which a snapshot taken now is exact."""
    this_year = at.astimezone(UTC).year
    return date(this_year - 1, 1, 1), date(this_year + years, 12, 31)


def resolve(calendar: BusinessCalendar, slug: str, version: int, at: datetime, years: int = 10) -> ResolvedCalendar:
    """Returns the snapshot for a workflow, exact from the year before `at` to `years` after it.

    Earlier dated exceptions are dropped. Raises UnknownHolidayCountry and NaiveInstant.
    """
    if at.utcoffset() is None:
        raise NaiveInstant(at)
    known_from, known_until = horizon(at, years)
    dated = expand_holidays(calendar, range(known_from.year, known_until.year + 1))
    recent = [holiday for holiday in dated.holidays if holiday.date >= known_from - _SLACK]
    since, until = _midnight(known_from - _SLACK), _midnight(known_until + _SLACK)
    return ResolvedCalendar(
        slug=slug,
        version=version,
        timezone=dated.timezone,
        known_from=known_from,
        known_until=known_until,
        weekly=tuple(minute_spans(dated.weekly.on(day)) for day in WEEKDAYS),
        closed_days=tuple(sorted({holiday.date for holiday in recent if holiday.hours is None})),
        closed_parts=tuple((part.date, minute_spans(part.hours)) for part in recent if part.hours is not None),
        special_days=tuple(
            (day.date, minute_spans(day.hours)) for day in dated.special_days if day.date >= known_from - _SLACK
        ),
        initial_offset=offset_at(dated.zone, since),
        offset_changes=tuple(offset_changes(dated.zone, since, until)),
    )


def _public_holidays(code: str, years: Iterable[int]) -> dict[date, str]:
    import holidays  # only who resolves a calendar pays for the import

    country, _, part = code.partition("-")
    try:
        return dict(holidays.country_holidays(country, subdiv=part or None, years=list(years)))
    except (NotImplementedError, KeyError) as unknown:
        raise UnknownHolidayCountry(code) from unknown


def _midnight(day: date) -> int:
    return int((datetime(day.year, day.month, day.day, tzinfo=UTC) - EPOCH).total_seconds())
