"""Says when an organisation works: as people write it, and as the snapshot that durable code computes with."""

import datetime as dt
import re
from collections import Counter
from itertools import pairwise
from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from shared.contracts.base import StrictModel, WireModel

DAY_MINUTES: Final = 24 * 60
FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2200
_CLOCK_TIME: Final = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00")
_ISO_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: Final[tuple[Weekday, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
"""In the order of `date.weekday()`."""

MinuteSpan = tuple[int, int]
"""[from, to) in minutes after a local midnight; `to` exceeds 1440 where the span runs into the next day."""


def _checked_clock_time(value: str) -> str:
    if not _CLOCK_TIME.fullmatch(value):
        message = "{given} is not a time of day: write HH:MM from 00:00 to 23:59, or 24:00 for the day's end"
        raise PydanticCustomError("clock_time", message, {"given": repr(value)})
    return value


def _checked_window(value: tuple[str, str]) -> tuple[str, str]:
    if value[0] == "24:00":
        raise PydanticCustomError("window_start", "a window cannot start at 24:00: start the next day's at 00:00")
    return value


def _checked_span(span: MinuteSpan) -> MinuteSpan:
    start, end = span
    if not 0 <= start < DAY_MINUTES or not start < end <= 2 * DAY_MINUTES:
        raise PydanticCustomError("minute_span", "a span starts within its day and ends after that, by the next day")
    return span


def _plain_date(value: object) -> object:
    if type(value) is str and _ISO_DATE.fullmatch(value):  # a snapshot has hundreds; isinstance is slow in workflows
        return value
    is_plain = isinstance(value, dt.date) and not isinstance(value, dt.datetime)
    if is_plain or (isinstance(value, str) and _ISO_DATE.fullmatch(value)):
        return value
    raise PydanticCustomError("plain_date", "{given} is not a date: write YYYY-MM-DD", {"given": repr(value)})


def _near_date(value: dt.date) -> dt.date:
    if FIRST_YEAR <= value.year <= LAST_YEAR:
        return value
    limits = {"given": value.isoformat(), "first": FIRST_YEAR, "last": LAST_YEAR}
    raise PydanticCustomError("far_date", "{given} is outside the years {first} to {last}", limits)


ClockTime = Annotated[
    str,
    AfterValidator(_checked_clock_time),
    WithJsonSchema({"type": "string", "pattern": f"^(?:{_CLOCK_TIME.pattern})$", "examples": ["09:00"]}),
]
Window = Annotated[tuple[ClockTime, ClockTime], AfterValidator(_checked_window)]
"""[from, to) on the local clock; it runs into the next day if its end is not after its start (DESIGN §4)."""

Windows = Annotated[tuple[Window, ...], Field(max_length=24)]
"""The windows of one day in any order; where they overlap they count once."""

Day = Annotated[dt.date, BeforeValidator(_plain_date), AfterValidator(_near_date)]
Label = Annotated[str, Field(min_length=1, max_length=200)]


def window_minutes(window: tuple[str, str]) -> MinuteSpan:
    """The window in minutes after its day's midnight, its end up to 24 hours after its start."""
    start, end = (int(clock[:2]) * 60 + int(clock[3:]) for clock in window)
    return start, end if end > start else end + DAY_MINUTES


class WeeklyHours(StrictModel):
    """The windows that start on each weekday; a day left out is closed."""

    mon: Windows = ()
    tue: Windows = ()
    wed: Windows = ()
    thu: Windows = ()
    fri: Windows = ()
    sat: Windows = ()
    sun: Windows = ()

    def on(self, weekday: Weekday) -> Windows:
        """The windows that start on this weekday."""
        windows: Windows = getattr(self, weekday)
        return windows


class Holiday(StrictModel):
    """A local date that is closed: wholly, or during `hours` only."""

    date: Day
    hours: Annotated[Windows, Field(min_length=1)] | None = None
    name: Label | None = None


class SpecialDay(StrictModel):
    """A local date whose `hours` replace the windows its weekday would start."""

    date: Day
    hours: Windows
    name: Label | None = None


class BusinessCalendar(StrictModel):
    """Working hours as people state them (DESIGN §4): the JSON of `/v1/calendars`.

    Windows of one day may overlap and touch: they count once. A holiday closes its local date from 00:00 to
    24:00, with what the evening before carries into it, and beats a special day; what its own evening carries
    into the morning after stays open. `holiday_country` is an ISO 3166 code (`DE`, `DE-BY`) that
    `services.assignment.calendar_resolution` expands into dated holidays; until then no time can be computed.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "timezone": "Europe/Berlin",
                    "weekly": {"mon": [["09:00", "12:30"], ["13:30", "17:00"]], "fri": [["22:00", "06:00"]]},
                    "holidays": [
                        {"date": "2026-12-25"},
                        {"date": "2026-12-24", "hours": [["13:00", "24:00"]]},
                    ],
                    "special_days": [{"date": "2026-12-27", "hours": [["10:00", "14:00"]]}],
                    "holiday_country": None,
                }
            ]
        }
    )

    timezone: Annotated[str, Field(min_length=1, max_length=64, examples=["Europe/Berlin"])]
    weekly: WeeklyHours
    holidays: Annotated[tuple[Holiday, ...], Field(max_length=2000)] = ()
    special_days: Annotated[tuple[SpecialDay, ...], Field(max_length=2000)] = ()
    holiday_country: Annotated[str, Field(max_length=6, examples=["DE", "DE-BY"])] | None = None

    @property
    def zone(self) -> dt.tzinfo:
        """The zone's rules, read from the machine's time zone data: never ask for it in workflow code."""
        return ZoneInfo(self.timezone)

    @field_validator("timezone")
    @classmethod
    def _is_known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            message = "{given} is not a time zone: write an IANA name such as Europe/Berlin or UTC"
            raise PydanticCustomError("time_zone", message, {"given": repr(value)}) from None
        return value

    @field_validator("holiday_country")
    @classmethod
    def _is_country_code(cls, value: str | None) -> str | None:
        if value is None or re.fullmatch(r"[A-Z]{2}(?:-[A-Z0-9]{1,3})?", value):
            return value
        message = "{given} is not a country code: write ISO 3166 such as DE, or DE-BY for a part of it"
        raise PydanticCustomError("country_code", message, {"given": repr(value)})

    @model_validator(mode="after")
    def _names_each_special_day_once(self) -> Self:
        (date, entries), *_ = Counter(day.date for day in self.special_days).most_common(1) or [(dt.date.min, 0)]
        if entries > 1:
            message = "{date} is in special_days more than once: put all its windows into one entry"
            raise PydanticCustomError("special_day_repeated", message, {"date": date.isoformat()})
        return self

    @model_validator(mode="after")
    def _opens_at_all(self) -> Self:
        if not any(self.weekly.on(day) for day in WEEKDAYS) and not any(day.hours for day in self.special_days):
            message = 'this calendar never opens: add hours to weekly, such as "mon": [["09:00", "17:00"]]'
            raise PydanticCustomError("never_opens", message)
        return self


OpenSpan = Annotated[MinuteSpan, AfterValidator(_checked_span)]
DatedSpans = tuple[Day, tuple[OpenSpan, ...]]
OffsetChange = tuple[int, Annotated[int, Field(gt=-172_800, lt=172_800)]]
"""[UTC epoch seconds from which it holds, seconds east of UTC]."""


class ResolvedCalendar(WireModel):
    """A calendar with every outside fact written in, so that workflow code replays it for ever (DESIGN §3).

    Countries' holidays are dates and the zone is its UTC offsets, exact for the UTC days from `known_from` to
    `known_until`. Earlier instants take `initial_offset`, later ones the last offset known.
    Spans are minutes after a local midnight, `weekly` from Monday to Sunday.
    """

    slug: Annotated[str, Field(min_length=1, max_length=100)]
    version: Annotated[int, Field(ge=1, strict=True)]
    timezone: str
    known_from: Day
    known_until: Day
    weekly: Annotated[tuple[tuple[OpenSpan, ...], ...], Field(min_length=7, max_length=7)]
    closed_days: tuple[Day, ...] = ()
    closed_parts: tuple[DatedSpans, ...] = ()
    special_days: tuple[DatedSpans, ...] = ()
    initial_offset: Annotated[int, Field(gt=-172_800, lt=172_800)]
    offset_changes: tuple[OffsetChange, ...] = ()

    @model_validator(mode="after")
    def _changes_in_order(self) -> Self:
        moments = [moment for moment, _ in self.offset_changes]
        if any(later <= earlier for earlier, later in pairwise(moments)):
            raise PydanticCustomError("offset_order", "offset_changes must rise in time")
        return self


AnyCalendar = BusinessCalendar | ResolvedCalendar
