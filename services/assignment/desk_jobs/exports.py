"""CSV exports: request, progress and download."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import func, select

from services.assignment.models import Export, ExportPart
from services.assignment.queries.access.callers import Caller
from services.assignment.schemas.desk import ExportInput, ExportView, JobState
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Database, Session
from shared.kit.http.problems import Problem, not_found

KEPT: Final = timedelta(hours=24)
MOST_EXPORTS: Final = 5
"""Exports of one agent that may be under way together."""
UNDER_WAY: Final = (JobState.QUEUED.value, JobState.RUNNING.value)


async def start_export(session: Session, caller: Caller, asked: ExportInput) -> ExportView:
    """Writes down what is wanted. Raises Problem 403 and 409."""
    if caller.person_id is None:
        raise Problem(403, "not_permitted", "only an agent can ask for this; a program reads the list page by page")
    mine = (Export.agent_id == caller.agent_id, Export.state.in_(UNDER_WAY))
    if (await session.scalar(select(func.count()).where(*mine)) or 0) >= MOST_EXPORTS:
        raise Problem(409, "too_many_exports", f"{MOST_EXPORTS} of your exports are under way; wait for one to finish")
    now = utc_now()
    export = Export(
        id=new_id(),
        agent_id=caller.agent_id,
        filters=asked.filters.stored,
        sort=asked.sort.value,
        columns=[column.value for column in asked.columns],
        state=JobState.QUEUED.value,
        rows=0,
        size=0,
        created_at=now,
        expires_at=now + KEPT,
    )
    session.add(export)
    await session.flush()
    return export_view(export)


async def list_exports(session: Session, caller: Caller, limit: int) -> list[ExportView]:
    """The caller's own, newest first."""
    query = select(Export).where(Export.agent_id == caller.agent_id).order_by(Export.id.desc()).limit(limit)
    return [export_view(export) for export in await session.scalars(query)]


async def get_export(session: Session, caller: Caller, export_id: UUID) -> Export:
    """One of the caller's own. Raises Problem 404."""
    export = await session.scalar(select(Export).where(Export.id == export_id, Export.agent_id == caller.agent_id))
    if export is None:
        raise not_found("export")
    return export


async def file_of(database: Database, caller: Caller, export_id: UUID) -> tuple[Export, AsyncIterator[bytes]]:
    """The export, and its file piece by piece. Raises Problem 404, 409 before it is there, 410 after its time."""
    async with database.begin() as session:
        export = await get_export(session, caller, export_id)
    if export.state in UNDER_WAY:
        raise Problem(409, "not_ready", "the file is still being written", headers={"Retry-After": "2"})
    if export.state != JobState.DONE.value or export.expires_at <= utc_now():
        raise Problem(410, "gone", "the file is not kept any longer; ask for another")
    return export, _parts(database, export_id)


async def _parts(database: Database, export_id: UUID) -> AsyncIterator[bytes]:
    place = 0
    query = select(ExportPart.data).where(ExportPart.export_id == export_id)
    while True:
        async with database.begin() as session:
            data = await session.scalar(query.where(ExportPart.place == place))
        if data is None:
            return
        yield data
        place += 1


def export_view(export: Export) -> ExportView:
    """An export as answered."""
    is_over = export.expires_at <= utc_now()
    state = JobState.EXPIRED if is_over else JobState(export.state)
    return ExportView(
        id=export.id,
        state=state,
        rows=export.rows,
        size=export.size,
        created_at=export.created_at,
        finished_at=export.finished_at,
        expires_at=export.expires_at,
        url=f"/v1/exports/{export.id}/file" if state is JobState.DONE else None,
    )
