"""What is asked of a feed, and what was found in it: the words between the service and the reading process."""

import datetime as dt

from pydantic import Field

from shared.contracts.base import StrictModel
from shared.contracts.calendars import Holiday


class UnreadableFeed(ValueError):
    """The file is no iCalendar, or asks for more work than a list of holidays needs; the words say which."""


class FeedRequest(StrictModel):
    """Which closures are wanted: those of these local dates, both included, in this zone."""

    timezone: str
    since: dt.date
    until: dt.date
    include_free: bool = False
    """Takes events marked as free time (`TRANSP:TRANSPARENT`) too."""


class Ignored(StrictModel):
    """An event of the feed that closes nothing."""

    name: str | None = Field(description="The event's title")
    date: dt.date | None = Field(description="The day it first would have closed, if it has one")
    occurrences: int = Field(description="How many of its occurrences this is about")
    reason: str = Field(description="Why it closes nothing")


class FeedFindings(StrictModel):
    """What a feed says: one holiday per date, in order, and what was left out."""

    holidays: tuple[Holiday, ...] = ()
    ignored: tuple[Ignored, ...] = ()
