"""Administration of calendars."""

from fastapi import Response
from starlette.status import HTTP_201_CREATED

from services.assignment.commands.configuration.administration import create
from services.assignment.commands.configuration.calendars import change_calendar, create_calendar, restore_calendar
from services.assignment.deps import CalendarSlug, KeyedCall, SlaAdmin, State, TakesNothing, Version
from services.assignment.queries.administration.configuration import get_calendar_view, list_calendars
from services.assignment.queries.administration.versions import (
    calendar_version_view,
    get_calendar_version,
    list_calendar_versions,
)
from services.assignment.schemas.rules import CalendarInput, CalendarPatch, CalendarView
from services.assignment.schemas.versions import CalendarVersionView
from shared.kit.http.paging import Cursor, Limit, Page
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(prefix="/calendars", tags=["calendars"], route_class=StrictJsonRoute)


@router.get("", summary="List calendars")
async def get_calendars(context: State, _: SlaAdmin) -> Page[CalendarView]:
    """The newest version of each."""
    async with context.database.begin() as session:
        return Page(items=await list_calendars(session))


@router.post("", response_model=CalendarView, status_code=HTTP_201_CREATED, summary="Add a calendar")
async def post_calendar(context: State, _: SlaAdmin, call: KeyedCall, body: CalendarInput) -> Response:
    """Hours per weekday, holidays and special days in one time zone."""
    return await create(context, call, lambda session: create_calendar(session, body, call.caller.person_id))


@router.get("/{slug}", summary="One calendar")
async def get_calendar(context: State, _: SlaAdmin, slug: CalendarSlug) -> CalendarView:
    """The newest version, and how its feed fares."""
    async with context.database.begin() as session:
        return await get_calendar_view(session, slug)


@router.patch("/{slug}", summary="Change a calendar")
async def patch_calendar(context: State, caller: SlaAdmin, slug: CalendarSlug, body: CalendarPatch) -> CalendarView:
    """Makes the next version; running tickets keep the hours they were promised."""
    return await change_calendar(context, caller, slug, body)


@router.get("/{slug}/versions", summary="Every version of one calendar")
async def get_versions(
    context: State, _: SlaAdmin, slug: CalendarSlug, limit: Limit = 50, cursor: Cursor = None
) -> Page[CalendarVersionView]:
    """Newest first; nothing is ever lost."""
    async with context.database.begin() as session:
        return await list_calendar_versions(session, slug, limit, cursor)


@router.get("/{slug}/versions/{version}", summary="One version of one calendar")
async def get_version(context: State, _: SlaAdmin, slug: CalendarSlug, version: Version) -> CalendarVersionView:
    """As it was, whatever the rules have become since."""
    async with context.database.begin() as session:
        return calendar_version_view(await get_calendar_version(session, slug, version))


@router.post(
    "/{slug}/versions/{version}/restore",
    response_model=CalendarView,
    status_code=HTTP_201_CREATED,
    dependencies=[TakesNothing],
    summary="Restore a version of one calendar",
)
async def post_restore(context: State, _: SlaAdmin, call: KeyedCall, slug: CalendarSlug, version: Version) -> Response:
    """Undoes a mistake: an earlier version becomes the newest, as a version of its own."""
    return await create(context, call, lambda session: restore_calendar(session, slug, version, call.caller.person_id))
