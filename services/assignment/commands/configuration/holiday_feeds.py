"""Importing holidays: a file or a feed is read outside any transaction, then its changes are stored in one."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from pydantic import TypeAdapter

from services.assignment.app_state import AppState
from services.assignment.calendar_resolution import horizon
from services.assignment.commands.configuration.audit import record_change
from services.assignment.commands.configuration.calendars import add_next_version, lock_calendar
from services.assignment.holiday_feed import FeedFindings, FeedRequest, UnreadableFeed
from services.assignment.models import Calendar, CalendarFeed
from services.assignment.queries.administration.configuration import calendar_view, get_current_calendar
from services.assignment.schemas.holidays import ImportMode, ImportResult
from shared.contracts.calendars import BusinessCalendar, Holiday
from shared.domain.holidays import HolidayPlan, plan_import
from shared.kit.clock import utc_now
from shared.kit.db import Session
from shared.kit.http.problems import Problem, invalid, not_found
from shared.kit.http.public_addresses import OutgoingRefused
from shared.kit.http.safe_client import OutgoingFailed

FRESH_FOR = timedelta(days=1)
RETRY_AFTER = timedelta(hours=1)
MAX_HOLIDAYS = 2000
SHOWN_IGNORED = 200
FEED_TYPES = {"Accept": "text/calendar, text/plain;q=0.5, */*;q=0.1"}
_HOLIDAYS = TypeAdapter(tuple[Holiday, ...])


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What an import is to do. A `url` alone is a feed; `raw` alone is a file that somebody uploads."""

    slug: str
    mode: ImportMode
    by: UUID | None
    include_free: bool = False
    dry_run: bool = False
    remember: bool = False
    is_refresh: bool = False
    """It stands for a remembered feed, and makes no sense once that is forgotten."""
    url: str | None = None
    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class FeedReading:
    """What was found, and the zone it was read for."""

    timezone: str
    findings: FeedFindings


async def read_wish(context: AppState, wish: ImportRequest) -> FeedReading:
    """Fetches and reads what the import is of. Raises Problem 404 and 422."""
    async with context.database.begin() as session:
        timezone = str((await get_current_calendar(session, wish.slug)).body["timezone"])
    raw = wish.raw if wish.url is None else await _fetch(context, wish.url)
    since, until = horizon(utc_now())
    question = FeedRequest(timezone=timezone, since=since, until=until, include_free=wish.include_free)
    try:
        return FeedReading(timezone, await context.feed_reader.read(raw, question))
    except UnreadableFeed as refusal:
        raise Problem(422, "unreadable_feed", str(refusal)) from refusal


async def apply_import(session: Session, wish: ImportRequest, reading: FeedReading) -> ImportResult:
    """Makes the calendar's next version, if anything differs. Raises Problem 404, 409 and 422."""
    now, current = utc_now(), await lock_calendar(session, wish.slug)
    if current.body["timezone"] != reading.timezone:
        raise Problem(409, "calendar_changed", "the calendar's time zone was changed meanwhile; send this again")
    feed = await session.get(CalendarFeed, wish.slug)
    if wish.is_refresh and (feed is None or feed.url != wish.url):
        raise Problem(409, "feed_changed", "the calendar's feed was changed meanwhile; send this again")
    hours = BusinessCalendar.model_validate(current.body)
    plan = _plan(hours, wish, feed, reading.findings, now)
    changed = bool(plan.added or plan.removed)
    if changed and not wish.dry_run:
        following = BusinessCalendar.model_validate({**hours.model_dump(), "holidays": plan.holidays})
        current = await add_next_version(session, current, following, wish.by)
    if wish.remember and not wish.dry_run:
        before = calendar_view(current, feed)
        await _remember(session, wish, plan, now)
        await session.flush()
        await record_change(session, before, calendar_view(current, await session.get(CalendarFeed, wish.slug)))
    return _result(current, wish, plan, reading.findings, changed=changed)


async def refreshing(session: Session, slug: str, by: UUID | None) -> ImportRequest:
    """The import that a calendar's remembered feed stands for. Raises Problem 404 and 409."""
    await get_current_calendar(session, slug)
    feed = await session.get(CalendarFeed, slug)
    if feed is None:
        message = 'this calendar has no feed; import one with "remember": true'
        raise Problem(409, "no_feed", message)
    return ImportRequest(
        slug=slug,
        mode=ImportMode(feed.mode),
        by=by,
        include_free=feed.include_free,
        remember=True,
        is_refresh=True,
        url=feed.url,
    )


async def note_failure(context: AppState, wish: ImportRequest, problem: Problem) -> None:
    """Lets the calendar show that its feed could not be read; its holidays stay."""
    async with context.database.begin() as session:
        feed = await session.get(CalendarFeed, wish.slug, with_for_update=True)
        if feed is not None and feed.url == wish.url:
            now = utc_now()
            feed.checked_at, feed.due_at, feed.failure = now, now + RETRY_AFTER, problem.detail[:500]


async def forget_feed(session: Session, slug: str) -> None:
    """Stops the daily refresh; the holidays stay. Raises Problem 404."""
    calendar = await lock_calendar(session, slug)
    feed = await session.get(CalendarFeed, slug)
    if feed is None:
        raise not_found("feed of this calendar")
    await record_change(session, calendar_view(calendar, feed), calendar_view(calendar))
    await session.delete(feed)


async def _fetch(context: AppState, url: str) -> bytes:
    try:
        answer = await context.http_client.get(url, FEED_TYPES)
    except OutgoingRefused as refusal:
        raise invalid("/url", f"this URL is not asked: {refusal}") from refusal
    except OutgoingFailed as failure:
        raise Problem(422, "feed_unavailable", f"the feed could not be fetched: {failure}") from failure
    if answer.status != 200:
        raise Problem(422, "feed_unavailable", f"the feed could not be fetched: it answers with status {answer.status}")
    return answer.body


def _plan(
    hours: BusinessCalendar, wish: ImportRequest, feed: CalendarFeed | None, findings: FeedFindings, now: datetime
) -> HolidayPlan:
    is_same_feed = feed is not None and feed.url == wish.url
    earlier = _HOLIDAYS.validate_python(feed.taken) if feed is not None and is_same_feed else ()
    is_replacing = wish.mode is ImportMode.REPLACE
    plan = plan_import(hours.holidays, findings.holidays, horizon(now)[0], replace=is_replacing, earlier=earlier)
    if len(plan.holidays) > MAX_HOLIDAYS:
        message = f"the calendar would have {len(plan.holidays)} holidays; at most {MAX_HOLIDAYS} are kept"
        raise Problem(422, "too_many_holidays", message)
    return plan


async def _remember(session: Session, wish: ImportRequest, plan: HolidayPlan, now: datetime) -> None:
    values = {
        "slug": wish.slug,
        "url": wish.url,
        "mode": wish.mode.value,
        "include_free": wish.include_free,
        "taken": _HOLIDAYS.dump_python(plan.taken, mode="json"),
        "checked_at": now,
        "succeeded_at": now,
        "failure": None,
        "due_at": now + FRESH_FOR,
    }
    feed = await session.get(CalendarFeed, wish.slug)
    if feed is None:
        session.add(CalendarFeed(**values, created_by=wish.by))
        return
    for name, value in values.items():
        setattr(feed, name, value)


def _result(
    current: Calendar, wish: ImportRequest, plan: HolidayPlan, findings: FeedFindings, *, changed: bool
) -> ImportResult:
    return ImportResult(
        calendar=current.slug,
        version=current.version,
        dry_run=wish.dry_run,
        changed=changed,
        added=list(plan.added),
        kept=list(plan.kept),
        removed=list(plan.removed),
        ignored=list(findings.ignored[:SHOWN_IGNORED]),
        ignored_total=len(findings.ignored),
    )
