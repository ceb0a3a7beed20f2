"""Holidays from elsewhere: imports of iCalendar files and feeds, countries, and what applies in a year."""

from functools import partial
from typing import Annotated, Any

from fastapi import Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.status import HTTP_200_OK, HTTP_204_NO_CONTENT, HTTP_422_UNPROCESSABLE_CONTENT

from services.assignment.commands.configuration.administration import Keyed, changing, create
from services.assignment.commands.configuration.holiday_feeds import (
    ImportRequest,
    apply_import,
    forget_feed,
    note_failure,
    read_wish,
    refreshing,
)
from services.assignment.deps import CalendarSlug, KeyedCall, SlaAdmin, State, TakesNothing
from services.assignment.queries.administration.holidays import list_countries, list_holidays
from services.assignment.schemas.holidays import CountryView, DatedHoliday, FeedImport, ImportMode, ImportResult
from shared.contracts.calendars import FIRST_YEAR, LAST_YEAR
from shared.kit.http.app import body_of
from shared.kit.http.idempotency import fingerprint
from shared.kit.http.idempotent_commands import find_answer
from shared.kit.http.paging import Page
from shared.kit.http.problems import Problem
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute, is_json, media_type_of, read_json

MAX_UPLOAD = 1024 * 1024
"""Bytes of an uploaded file."""

router = HttpRouter(tags=["holidays"], route_class=StrictJsonRoute)

SAMPLE_FILE = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//example//holidays//EN
BEGIN:VEVENT
UID:christmas@example
DTSTART;VALUE=DATE:20261225
RRULE:FREQ=YEARLY
SUMMARY:Christmas Day
END:VEVENT
END:VCALENDAR
"""
FEED_SCHEMA = FeedImport.model_json_schema(ref_template="#/components/schemas/{model}")
FEED_SCHEMA.pop("$defs")  # they are among the document's components already
IMPORT_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A file as it is, or the URL of a feed",
        "content": {
            "text/calendar": {"schema": {"type": "string"}, "example": SAMPLE_FILE},
            "application/json": {"schema": FEED_SCHEMA},
        },
    }
}
Mode = Annotated[ImportMode | None, Query(description="`merge` (default) or `replace`; for an uploaded file")]
DryRun = Annotated[bool | None, Query(description="Only show what would change; for an uploaded file")]
IncludeFree = Annotated[bool | None, Query(description="Take events marked as free time too; for an uploaded file")]
Year = Annotated[int, Query(ge=FIRST_YEAR, le=LAST_YEAR, description="A calendar year", examples=[2027])]


@router.post(
    "/calendars/{slug}/import",
    response_model=ImportResult,
    openapi_extra=IMPORT_BODY,
    summary="Import holidays from an iCalendar file or feed",
)
async def post_import(
    request: Request,
    context: State,
    caller: SlaAdmin,
    call: KeyedCall,
    slug: CalendarSlug,
    mode: Mode = None,
    dry_run: DryRun = None,
    include_free: IncludeFree = None,
) -> Response:
    """Events become closed days, or closed parts of days on the calendar's clock, from the beginning of last year to
    ten years ahead. Anything that differs makes the next version; running tickets keep the hours they were promised.
    """
    raw, media_type = await body_of(request), media_type_of(request)
    wished = {"mode": mode, "dry_run": dry_run, "include_free": include_free}
    sent: dict[str, Any] = {name: value for name, value in wished.items() if value is not None}
    if is_json(media_type):
        body = _feed_import(raw, sent)
        wish = ImportRequest(slug=slug, by=caller.person_id, **body.model_dump())
    elif media_type == "text/calendar":
        options: dict[str, Any] = {"mode": ImportMode.MERGE} | sent
        wish = ImportRequest(slug=slug, by=caller.person_id, raw=raw, **options)
    else:
        raise Problem(415, "unsupported_media_type", "send a file as text/calendar, or a feed as application/json")
    keyed = Keyed(call.caller, call.path, call.key, fingerprint(raw, request.url.query))
    if (stored := await find_answer(context.database, keyed.request)) is not None:
        return stored
    reading = await read_wish(context, wish)
    return await create(context, keyed, partial(apply_import, wish=wish, reading=reading), HTTP_200_OK)


@router.post(
    "/calendars/{slug}/refresh",
    response_model=ImportResult,
    dependencies=[TakesNothing],
    summary="Read a calendar's feed again now",
)
async def post_refresh(context: State, caller: SlaAdmin, call: KeyedCall, slug: CalendarSlug) -> Response:
    """What happens once a day by itself. If the feed cannot be read, the holidays stay as they are."""
    if (stored := await find_answer(context.database, call.request)) is not None:
        return stored
    async with context.database.begin() as session:
        wish = await refreshing(session, slug, caller.person_id)
    try:
        reading = await read_wish(context, wish)
        return await create(context, call, partial(apply_import, wish=wish, reading=reading), HTTP_200_OK)
    except Problem as problem:
        if problem.status == HTTP_422_UNPROCESSABLE_CONTENT:
            await note_failure(context, wish, problem)
        raise


@router.delete("/calendars/{slug}/feed", status_code=HTTP_204_NO_CONTENT, summary="Forget a calendar's feed")
async def delete_feed(context: State, caller: SlaAdmin, slug: CalendarSlug) -> None:
    """Ends the daily refresh; the holidays it brought stay."""
    async with changing(context, caller) as session:
        await forget_feed(session, slug)


@router.get("/calendars/{slug}/holidays", summary="The holidays of a year")
async def get_holidays(context: State, _: SlaAdmin, slug: CalendarSlug, year: Year) -> Page[DatedHoliday]:
    """The calendar's own and its country's, by date."""
    async with context.database.begin() as session:
        return Page(items=await list_holidays(session, slug, year))


@router.get("/holiday-countries", summary="Countries whose holidays are known")
async def get_countries(_: SlaAdmin) -> Page[CountryView]:
    """What a calendar's `holiday_country` may be."""
    return Page(items=await list_countries())


def _feed_import(raw: bytes, sent: dict[str, Any]) -> FeedImport:
    if sent:
        pointer = f"query:{next(iter(sent))}"
        detail = "is for an uploaded file; with a feed it goes into the body"
        raise Problem(422, "invalid_input", f"{pointer}: {detail}", errors=[{"pointer": pointer, "detail": detail}])
    try:
        return FeedImport.model_validate(read_json(raw))
    except ValidationError as error:
        located = [{**one, "loc": ("body", *one["loc"])} for one in error.errors(include_context=False)]
        raise RequestValidationError(located) from error
