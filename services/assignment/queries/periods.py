"""The period of a report: instants, or days in the zone of whoever reads it."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_

from shared.kit.clock import utc_now

USUAL = timedelta(days=30)
Moment = datetime | date


class InvalidPeriod(ValueError):
    """It ends before it begins, or names a zone that nobody knows."""


@dataclass(frozen=True, slots=True)
class Period:
    """[since, until), what the report is narrowed to, whose days its days are, and when it is asked for."""

    since: datetime
    until: datetime
    team: str | None = None
    agent: str | None = None
    zone: str = "UTC"
    now: datetime = field(default_factory=utc_now)
    as_of: datetime | None = None
    """The instant of the past to show the report of; `now` is then the same."""

    def holds(self, at: ColumnElement[Any]) -> ColumnElement[bool]:
        """That an instant lies in it."""
        return and_(at >= self.since, at < self.until)


def period_of(
    first: Moment | None, last: Moment | None, zone: str, *, as_of: datetime | None = None, **narrowed_to: str | None
) -> Period:
    """From the first day's beginning to the last day's end, or between instants; thirty days where one is left out.

    With `as_of` it ends then at the latest.

    The days are those of `zone`, also the 23 and 25 hours of a change of the clocks. Raises InvalidPeriod.
    """
    known, now = zone_called(zone), as_of or utc_now()
    until = _instant(last, known, days=1) if last is not None else now
    until = min(until, as_of) if as_of is not None else until
    since = _instant(first, known) if first is not None else _usual(last, known, until)
    if since >= until:
        raise InvalidPeriod("from must be earlier than to")
    return Period(since, until, zone=zone, now=now, as_of=as_of, **narrowed_to)


def zone_called(name: str) -> ZoneInfo:
    """The zone of an IANA name. Raises InvalidPeriod for any other word."""
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as unknown:
        raise InvalidPeriod("tz must be the name of a time zone, such as Europe/Berlin") from unknown


def _instant(moment: Moment, zone: ZoneInfo, days: int = 0) -> datetime:
    """The instant itself; of a day its beginning, or the beginning of a day after it."""
    if isinstance(moment, datetime):
        return moment.astimezone(UTC)
    return datetime.combine(moment + timedelta(days=days), time(), zone).astimezone(UTC)


def _usual(last: Moment | None, zone: ZoneInfo, until: datetime) -> datetime:
    """Thirty days back: days of the zone where the period ends with one."""
    if last is None or isinstance(last, datetime):
        return until - USUAL
    return _instant(last + timedelta(days=1) - USUAL, zone)
