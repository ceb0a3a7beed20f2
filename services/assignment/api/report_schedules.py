"""Routes of scheduled reports."""

from uuid import UUID

from fastapi import Depends, Response
from starlette.status import HTTP_201_CREATED, HTTP_204_NO_CONTENT

from services.assignment.commands.configuration.administration import create
from services.assignment.deps import Allowed, KeyedCall, ReportReader, State, TakesNothing
from services.assignment.reporting.report_schedules import (
    change_schedule,
    create_schedule,
    delete_schedule,
    get_schedule,
    list_schedules,
)
from services.assignment.reporting.report_sending import run_now
from services.assignment.schemas.saved_reports import RunView, ScheduleInput, SchedulePatch, ScheduleView
from shared.contracts.vocabulary import Permission
from shared.kit.db import Session
from shared.kit.http.paging import Page
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(prefix="/report-schedules", tags=["reports"], route_class=StrictJsonRoute)
MAY_READ = Depends(Allowed(Permission.REPORT_VIEW))


@router.get("", summary="Your scheduled reports")
async def get_schedules(context: State, caller: ReportReader) -> Page[ScheduleView]:
    """With the last runs of each."""
    async with context.database.begin() as session:
        return Page(items=await list_schedules(session, caller))


@router.post(
    "", response_model=ScheduleView, status_code=HTTP_201_CREATED, summary="Have a report sent", dependencies=[MAY_READ]
)
async def post_schedule(context: State, call: KeyedCall, body: ScheduleInput) -> Response:
    """Daily, weekly or monthly, by mail, as a table and as CSV."""

    async def make(session: Session) -> ScheduleView:
        return await create_schedule(session, call.caller, body)

    return await create(context, call, make)


@router.get("/{schedule_id}", summary="One scheduled report")
async def get_one_schedule(context: State, caller: ReportReader, schedule_id: UUID) -> ScheduleView:
    """With its last runs."""
    async with context.database.begin() as session:
        return await get_schedule(session, caller, schedule_id)


@router.patch("/{schedule_id}", summary="Change, pause or resume a scheduled report")
async def patch_schedule(context: State, caller: ReportReader, schedule_id: UUID, body: SchedulePatch) -> ScheduleView:
    """What is left out stays as it is."""
    return await change_schedule(context, caller, schedule_id, body)


@router.delete("/{schedule_id}", status_code=HTTP_204_NO_CONTENT, summary="Delete a scheduled report")
async def remove_schedule(context: State, caller: ReportReader, schedule_id: UUID) -> None:
    """It is not sent any more."""
    await delete_schedule(context, caller, schedule_id)


@router.post("/{schedule_id}/run", summary="Send a scheduled report now", dependencies=[TakesNothing])
async def post_run(context: State, caller: ReportReader, schedule_id: UUID) -> RunView:
    """As if it were due today; its own times stay."""
    return await run_now(context, caller, schedule_id)
