"""Queries of closed days: a calendar's own holidays and its country's."""

import asyncio

from services.assignment.calendar_resolution import UnknownHolidayCountry, expand_holidays
from services.assignment.holiday_countries import holiday_countries
from services.assignment.queries.administration.configuration import get_current_calendar
from services.assignment.schemas.holidays import CountryView, DatedHoliday
from shared.contracts.calendars import BusinessCalendar
from shared.kit.db import Session
from shared.kit.http.problems import Problem


async def list_holidays(session: Session, slug: str, year: int) -> list[DatedHoliday]:
    """Returns the closed and partly closed days of a year by date. Raises Problem 404 and 409."""
    calendar = BusinessCalendar.model_validate((await get_current_calendar(session, slug)).body)
    try:
        dated = await asyncio.to_thread(expand_holidays, calendar, [year])
    except UnknownHolidayCountry as error:
        raise Problem(409, "holidays_unknown", str(error)) from error
    own = set(calendar.holidays)
    return [
        DatedHoliday(date=one.date, hours=one.hours, name=one.name, source="calendar" if one in own else "country")
        for one in sorted(dated.holidays, key=lambda one: one.date)
        if one.date.year == year
    ]


async def list_countries() -> list[CountryView]:
    """Returns the known countries by code."""
    known = await asyncio.to_thread(holiday_countries)
    return [CountryView(code=one.code, name=one.name, subdivisions=list(one.subdivisions)) for one in known]
