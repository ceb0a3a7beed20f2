"""Messages between the service and the parser subprocess."""

import datetime as dt

from pydantic import Field

from shared.contracts.base import StrictModel
from shared.contracts.calendars import Holiday


class UnreadableFeed(ValueError):
    """The file is not iCalendar, or exceeds the limits; the message says which."""


class FeedRequest(StrictModel):
    """The requested range of local dates, both included, and the zone."""

    timezone: str
    since: dt.date
    until: dt.date
    include_free: bool = False
    """Takes events marked as free time (`TRANSP:TRANSPARENT`) too."""


class Ignored(StrictModel):
    """An event that was ignored, with the reason."""

    name: str | None = Field(description="The event's title")
    date: dt.date | None = Field(description="The day it first would have closed, if it has one")
    occurrences: int = Field(description="How many of its occurrences this is about")
    reason: str = Field(description="Why it closes nothing")


class FeedFindings(StrictModel):
    """The holidays found, one per date, in order, and the ignored events."""

    holidays: tuple[Holiday, ...] = ()
    ignored: tuple[Ignored, ...] = ()
