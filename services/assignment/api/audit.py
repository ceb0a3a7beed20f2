"""The audit log of configuration changes; `/audit-log` is its former name."""

import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Query
from fastapi.responses import StreamingResponse

from services.assignment.api.reports import CsvResponse
from services.assignment.app_state import AppState
from services.assignment.deps import AgentsAdmin, State
from services.assignment.queries.administration.audit import AuditFilters, all_audit_entries, list_audit_entries
from services.assignment.schemas.audit import AuditEntryView
from services.assignment.schemas.csv_tables import csv_table, text_cell
from shared.kit.http.inputs import WrittenInstant
from shared.kit.http.paging import Cursor, Limit, Page
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(tags=["audit"], route_class=StrictJsonRoute)

COLUMNS = tuple(AuditEntryView.model_fields)
Word = Annotated[str, Query(max_length=255)]


async def get_filters(
    actor: Word = "",
    kind: Word = "",
    subject: Word = "",
    since: Annotated[WrittenInstant | None, Query(alias="from", description="Instant")] = None,
    until: Annotated[WrittenInstant | None, Query(alias="to", description="Instant, not included")] = None,
) -> AuditFilters:
    """What the log is narrowed to."""
    return AuditFilters(_text(actor), _text(kind), _text(subject), since, until)


Asked = Annotated[AuditFilters, Depends(get_filters)]


@router.get("/audit", summary="Changes of the configuration")
@router.get("/audit-log", include_in_schema=False)
async def get_audit_log(
    context: State, _: AgentsAdmin, filters: Asked, limit: Limit = 50, cursor: Cursor = None
) -> Page[AuditEntryView]:
    """Newest first. Agents, teams, roles, SLA policies, calendars, routing rules and roll-outs."""
    async with context.database.begin() as session:
        return await list_audit_entries(session, filters, limit, cursor)


@router.get("/audit.csv", summary="Changes of the configuration as a table", response_class=CsvResponse)
@router.get("/audit-log.csv", response_class=StreamingResponse, include_in_schema=False)
async def get_audit_csv(context: State, _: AgentsAdmin, filters: Asked) -> StreamingResponse:
    """All of them, streamed; `before` and `after` as JSON."""
    return audit_csv(context, filters)


def audit_csv(context: AppState, filters: AuditFilters) -> StreamingResponse:
    """A file to open in a spreadsheet."""
    headers = {"Content-Disposition": 'attachment; filename="audit-log.csv"', "Cache-Control": "no-store"}
    return StreamingResponse(_lines(context, filters), media_type="text/csv", headers=headers)


async def _lines(context: AppState, filters: AuditFilters) -> AsyncIterator[str]:
    yield csv_table(COLUMNS)
    async for entry in all_audit_entries(context.database, filters):
        values = entry.model_dump(mode="json")
        texts = (
            value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for value in values.values()
        )
        yield csv_table(map(text_cell, texts))


def _text(text: str) -> str:
    return text.strip() if text.isprintable() else ""
