"""Routes of saved reports."""

from uuid import UUID

from fastapi import Depends, Response
from starlette.status import HTTP_201_CREATED, HTTP_204_NO_CONTENT

from services.assignment.commands.configuration.administration import create
from services.assignment.deps import Allowed, KeyedCall, ReportReader, State
from services.assignment.reporting.saved_reports import (
    change_saved_report,
    delete_saved_report,
    get_saved_report,
    list_saved_reports,
    save_report,
)
from services.assignment.schemas.saved_reports import SavedReportInput, SavedReportPatch, SavedReportView
from shared.contracts.vocabulary import Permission
from shared.kit.db import Session
from shared.kit.http.paging import Page
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(prefix="/saved-reports", tags=["reports"], route_class=StrictJsonRoute)
MAY_READ = Depends(Allowed(Permission.REPORT_VIEW))


@router.get("", summary="Your saved reports")
async def get_saved_reports(context: State, caller: ReportReader) -> Page[SavedReportView]:
    """Your own and those that are shared with your teams."""
    async with context.database.begin() as session:
        return Page(items=await list_saved_reports(session, caller))


@router.post(
    "",
    response_model=SavedReportView,
    status_code=HTTP_201_CREATED,
    summary="Save a report",
    dependencies=[MAY_READ],
)
async def post_saved_report(context: State, call: KeyedCall, body: SavedReportInput) -> Response:
    """A report with its parameters under a name."""

    async def make(session: Session) -> SavedReportView:
        return await save_report(session, call.caller, body)

    return await create(context, call, make)


@router.get("/{report_id}", summary="One saved report")
async def get_one_saved_report(context: State, caller: ReportReader, report_id: UUID) -> SavedReportView:
    """With the path of its page."""
    async with context.database.begin() as session:
        return await get_saved_report(session, caller, report_id)


@router.patch("/{report_id}", summary="Rename or share a saved report")
async def patch_saved_report(
    context: State, caller: ReportReader, report_id: UUID, body: SavedReportPatch
) -> SavedReportView:
    """What is left out stays as it is; `team_id` null shares it with nobody any more."""
    return await change_saved_report(context, caller, report_id, body)


@router.delete("/{report_id}", status_code=HTTP_204_NO_CONTENT, summary="Delete a saved report")
async def remove_saved_report(context: State, caller: ReportReader, report_id: UUID) -> None:
    """For everybody who had it."""
    await delete_saved_report(context, caller, report_id)
