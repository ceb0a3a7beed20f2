"""Holidays from elsewhere: feeds, what an import of one would change, and countries."""

import datetime as dt
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field

from services.assignment.holiday_feed import Ignored
from services.assignment.schemas.tickets import View
from shared.contracts.base import Instant
from shared.contracts.calendars import Holiday, Windows
from shared.kit.http.inputs import Input
from shared.kit.http.public_addresses import MAX_URL, OutgoingRefused, read_url

FEED = "https://feeds.example/holidays.ics"
CHRISTMAS: dict[str, Any] = {"date": "2026-12-25", "hours": None, "name": "Christmas Day"}


class ImportMode(StrEnum):
    """What becomes of the holidays that the calendar has already."""

    MERGE = "merge"
    """They stay; only what the same feed brought earlier and no longer has is taken back."""
    REPLACE = "replace"
    """Those from the beginning of last year on go, unless the feed has them too."""


def _feed_url(text: str) -> str:
    """The URL with https for webcal, which means the same."""
    url = f"https{text[6:]}" if text[:9].lower() == "webcal://" else text
    try:
        read_url(url)
    except OutgoingRefused as refusal:
        raise ValueError(str(refusal)) from None
    return url


FeedUrl = Annotated[str, Field(min_length=1, max_length=MAX_URL, examples=[FEED]), AfterValidator(_feed_url)]


class FeedImport(Input):
    """Import from a feed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"url": FEED, "mode": "merge", "dry_run": True}]})

    url: FeedUrl
    """`https://` or `webcal://`, on the public internet or in a network that the operator allows."""
    mode: ImportMode = ImportMode.MERGE
    dry_run: bool = False
    """Only shows what would change."""
    include_free: bool = False
    """Takes events marked as free time too; some public holiday feeds mark all of theirs so."""
    remember: bool = False
    """Keeps the calendar fresh from this feed, once a day."""


class ImportResult(View):
    """What an import changed, or would change."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "calendar": "office",
                    "version": 4,
                    "dry_run": False,
                    "changed": True,
                    "added": [CHRISTMAS],
                    "kept": [],
                    "removed": [],
                    "ignored": [
                        {"name": "Team lunch", "date": "2026-12-11", "occurrences": 1, "reason": "it is cancelled"}
                    ],
                    "ignored_total": 1,
                }
            ]
        }
    )

    calendar: str
    version: int = Field(description="The calendar's newest version after this")
    dry_run: bool
    changed: bool = Field(description="False: nothing differs, and no version was made or would be")
    added: list[Holiday]
    kept: list[Holiday]
    removed: list[Holiday]
    ignored: list[Ignored] = Field(description="Events that close nothing, at most 200 of them")
    ignored_total: int


class FeedStatus(View):
    """How the last reading of a calendar's feed went."""

    state: Literal["ok", "failed"]
    mode: ImportMode
    include_free: bool
    checked_at: Instant
    succeeded_at: Instant | None
    detail: str | None = Field(description="Why it failed; the calendar keeps the holidays it has")
    next_at: Instant = Field(description="When it will be read again by itself")


class CountryView(View):
    """A country whose holidays are known; `holiday_country` takes its code, alone or as `DE-BY`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"code": "DE", "name": "Germany", "subdivisions": ["BB", "BE", "BY"]}]}
    )

    code: str
    name: str | None
    subdivisions: list[str]


class DatedHoliday(View):
    """A day that is closed, wholly or for its hours."""

    model_config = ConfigDict(json_schema_extra={"examples": [{**CHRISTMAS, "source": "country"}]})

    date: dt.date
    hours: Windows | None = Field(description="The closed part; null: the whole day")
    name: str | None
    source: Literal["calendar", "country"] = Field(description="Whether the calendar lists it or its country has it")
