"""Routes of background jobs: bulk actions on tickets, and CSV exports."""

from uuid import UUID

from fastapi import Response
from fastapi.responses import StreamingResponse
from starlette.status import HTTP_202_ACCEPTED

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import create
from services.assignment.deps import KeyedCall, SignedIn, State, TakesNothing
from services.assignment.desk_jobs.bulk_jobs import cancel_bulk, get_bulk, list_bulk, start_bulk
from services.assignment.desk_jobs.exports import export_view, file_of, get_export, list_exports, start_export
from services.assignment.queries.access.callers import Caller
from services.assignment.schemas.desk import BulkInput, BulkView, ExportInput, ExportView
from shared.kit.db import Session
from shared.kit.http.paging import Cursor, Limit, Page
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(tags=["background work"], route_class=StrictJsonRoute)


@router.post("/bulk", response_model=BulkView, status_code=HTTP_202_ACCEPTED, summary="Do one action on many tickets")
async def post_bulk(context: State, call: KeyedCall, body: BulkInput) -> Response:
    """On those that are named, or on all that a filter finds, up to 10,000. Your permission is looked at for each
    ticket when its turn comes. Follow it with `GET /v1/bulk/{id}`; it goes on however often the service dies.
    """

    async def start(session: Session) -> BulkView:
        return await start_bulk(session, call.caller, body)

    response = await create(context, call, start, HTTP_202_ACCEPTED)
    context.bulk_jobs.wake()
    return response


@router.get("/bulk", summary="Your actions on many tickets")
async def get_bulk_jobs(context: State, caller: SignedIn, limit: Limit = 50) -> Page[BulkView]:
    """Newest first, without their tickets."""
    async with context.database.begin() as session:
        return Page(items=await list_bulk(session, caller, limit))


@router.get("/bulk/{job_id}", summary="How far an action on many tickets has come")
async def get_bulk_job(
    context: State, caller: SignedIn, job_id: UUID, limit: Limit = 200, cursor: Cursor = None
) -> BulkView:
    """With the result of each ticket, in the order in which they were named."""
    async with context.database.begin() as session:
        return await get_bulk(session, caller, job_id, limit, cursor)


@router.post("/bulk/{job_id}/cancel", dependencies=[TakesNothing], summary="Stop an action on many tickets")
async def post_bulk_cancel(context: State, caller: SignedIn, job_id: UUID) -> BulkView:
    """Tickets that have not had their turn are left alone."""
    async with context.database.begin() as session:
        return await cancel_bulk(session, caller, job_id)


@router.post(
    "/exports", response_model=ExportView, status_code=HTTP_202_ACCEPTED, summary="Ask for a list as a CSV file"
)
async def post_export(context: State, call: KeyedCall, body: ExportInput) -> Response:
    """Written in the background of what you may see, and kept for a day. No cell is taken for a formula."""

    async def start(session: Session) -> ExportView:
        return await start_export(session, call.caller, body)

    response = await create(context, call, start, HTTP_202_ACCEPTED)
    context.exports.wake()
    return response


@router.get("/exports", summary="Your exports")
async def get_exports(context: State, caller: SignedIn, limit: Limit = 50) -> Page[ExportView]:
    """Newest first."""
    async with context.database.begin() as session:
        return Page(items=await list_exports(session, caller, limit))


@router.get("/exports/{export_id}", summary="How far an export has come")
async def get_one_export(context: State, caller: SignedIn, export_id: UUID) -> ExportView:
    """With the address of its file once it is there."""
    async with context.database.begin() as session:
        return export_view(await get_export(session, caller, export_id))


@router.get("/exports/{export_id}/file", summary="The file of an export", response_class=StreamingResponse)
async def get_export_file(context: State, caller: SignedIn, export_id: UUID) -> Response:
    """CSV in UTF-8, piece by piece."""
    return await export_file(context, caller, export_id)


async def export_file(context: AppState, caller: Caller, export_id: UUID) -> Response:
    """Streams the file of a finished export. Raises Problem 404, 409 before it is there, 410 after its time."""
    export, parts = await file_of(context.database, caller, export_id)
    headers = {
        "Content-Disposition": f'attachment; filename="tickets-{export.created_at:%Y%m%d-%H%M}.csv"',
        "Content-Length": str(export.size),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return StreamingResponse(parts, headers=headers, media_type="text/csv; charset=utf-8")
