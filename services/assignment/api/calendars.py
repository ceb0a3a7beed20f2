"""Administration of calendars."""

from typing import Annotated

from fastapi import APIRouter, Path, Response
from starlette.status import HTTP_201_CREATED

from services.assignment.commands.administration import create
from services.assignment.commands.rules import change_calendar, create_calendar
from services.assignment.deps import Ctx, KeyedCall, SlaAdmin
from services.assignment.queries.rules import calendar_view, get_current_calendar, list_calendars
from services.assignment.schemas.rules import CalendarInput, CalendarPatch, CalendarView
from shared.kit.http.paging import Page
from shared.kit.http.strict_json import StrictJsonRoute

router = APIRouter(prefix="/calendars", tags=["calendars"], route_class=StrictJsonRoute)

CalendarSlug = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]


@router.get("", summary="List calendars")
async def get_calendars(context: Ctx, _: SlaAdmin) -> Page[CalendarView]:
    """The newest version of each."""
    async with context.database.begin() as session:
        return Page(items=await list_calendars(session))


@router.post("", response_model=CalendarView, status_code=HTTP_201_CREATED, summary="Add a calendar")
async def post_calendar(context: Ctx, _: SlaAdmin, call: KeyedCall, body: CalendarInput) -> Response:
    """Hours per weekday, holidays and special days in one time zone."""
    return await create(context, call, lambda session: create_calendar(session, body))


@router.get("/{slug}", summary="One calendar")
async def get_calendar(context: Ctx, _: SlaAdmin, slug: CalendarSlug) -> CalendarView:
    """The newest version."""
    async with context.database.begin() as session:
        return calendar_view(await get_current_calendar(session, slug))


@router.patch("/{slug}", summary="Change a calendar")
async def patch_calendar(context: Ctx, _: SlaAdmin, slug: CalendarSlug, body: CalendarPatch) -> CalendarView:
    """Makes the next version; running tickets keep the hours they were promised."""
    return await change_calendar(context, slug, body)
