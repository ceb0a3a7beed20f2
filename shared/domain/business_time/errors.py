"""The refusals of business time, each saying what to change."""

from datetime import datetime, timedelta

from shared.contracts.calendars import FIRST_YEAR, LAST_YEAR


class NoOpenTime(ValueError):
    """The calendar has no opening to answer with: none at all, or none near enough to `searched_from`."""

    def __init__(self, searched_from: datetime | None = None) -> None:
        where = "" if searched_from is None else f" in the twenty years after {searched_from.isoformat()}"
        super().__init__(f"the calendar has no open time{where}: give it weekly hours or special days")


class NeverCloses(ValueError):
    """The calendar stays open for longer than anyone would wait for its closing."""

    def __init__(self, since: datetime) -> None:
        super().__init__(f"the calendar does not close within twenty years of {since.isoformat()}")


class HolidaysNotExpanded(ValueError):
    """The calendar names a country whose holidays are not yet dates."""

    def __init__(self, country: str) -> None:
        super().__init__(f"the holidays of {country} are not dates yet: call expand_holidays")


class NaiveInstant(ValueError):
    """An instant without a zone names no point in time."""

    def __init__(self, instant: datetime) -> None:
        super().__init__(f"{instant.isoformat()} has no time zone: give an aware instant, such as one in UTC")


class InstantOutOfRange(ValueError):
    """An instant so far away that it is a mistake."""

    def __init__(self, instant: datetime) -> None:
        super().__init__(f"{instant.isoformat()} is outside the years {FIRST_YEAR} to {LAST_YEAR}")


class NegativeDuration(ValueError):
    """Business time is only ever added."""

    def __init__(self, duration: timedelta | str) -> None:
        super().__init__(f"cannot add {duration}: business time runs forward only")
