"""Writes CSV exports page by page in the leading process; restarts an export after a crash."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy import delete, select, update

from services.assignment.app_state import AppState
from services.assignment.commands.leading import work_while_leading
from services.assignment.desk_jobs.agents import find_agent_caller
from services.assignment.desk_jobs.exports import UNDER_WAY
from services.assignment.models import Export, ExportPart
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.lists import Filters, Sort, TimeSpan, list_tickets
from services.assignment.schemas.csv_tables import csv_table, text_cell
from services.assignment.schemas.desk import Column, FilterInput, JobState
from services.assignment.schemas.tickets import TicketView
from shared.contracts.vocabulary import Channel
from shared.kit.clock import utc_now
from shared.kit.db import Session
from shared.kit.http.problems import Problem
from shared.kit.telemetry import log
from shared.kit.unexpected_errors import log_unexpected

LEADER_LOCK: Final = 7_241_016
AT_ONCE: Final = 500
MOST_ROWS: Final = 1_000_000


async def write_exports(context: AppState) -> None:
    """For ever: writes what was asked for, one process at a time."""
    await work_while_leading(context, LEADER_LOCK, context.exports, _under_way, _work_off)


async def _work_off(context: AppState) -> None:
    for export_id in await _under_way(context):
        try:
            await write_export(context, export_id)
        except Exception as error:  # noqa: BLE001 - the others go on
            log_unexpected(error, "export.failed", export=str(export_id))
            await _give_up(context, export_id)


async def _give_up(context: AppState, export_id: UUID) -> None:
    """Ends an export that failed unexpectedly: it would fail again, and those behind it would wait."""
    ended = {"state": JobState.FAILED.value, "finished_at": utc_now()}
    async with context.database.begin() as session:
        await session.execute(update(Export).where(Export.id == export_id, Export.state.in_(UNDER_WAY)).values(ended))


async def _under_way(context: AppState) -> list[UUID]:
    query = select(Export.id).where(Export.state.in_(UNDER_WAY)).order_by(Export.id)
    async with context.database.begin() as session:
        return list(await session.scalars(query))


async def write_export(context: AppState, export_id: UUID) -> None:
    """One export's file, a piece for each page of the list, from the beginning."""
    async with context.database.begin() as session:
        export = await session.get(Export, export_id, with_for_update=True)
        if export is None or export.state not in UNDER_WAY:
            return
        await session.execute(delete(ExportPart).where(ExportPart.export_id == export_id))
        export.state, export.rows, export.size = JobState.RUNNING.value, 0, 0
    place, cursor = 0, None
    while True:
        async with context.database.begin() as session:
            export = await session.get(Export, export_id, with_for_update=True)
            if export is None or export.state != JobState.RUNNING.value:
                return
            caller = await find_agent_caller(session, export.agent_id, Channel.DESK)
            if caller is None:
                export.state, export.finished_at = JobState.FAILED.value, utc_now()
                return
            cursor = await _write_part(session, export, caller, place, cursor)
            if cursor is None or export.rows >= MOST_ROWS:
                if export.state == JobState.RUNNING.value:
                    export.state = JobState.DONE.value
                export.finished_at = utc_now()
                log.info("export.written", export=str(export_id), rows=export.rows)
                return
        place += 1


async def _write_part(session: Session, export: Export, caller: Caller, place: int, cursor: str | None) -> str | None:
    """One piece; the cursor of the next, if there is one."""
    columns = [Column(name) for name in export.columns]
    try:
        filters: Filters = FilterInput.model_validate(export.filters).filters
        page = await list_tickets(session, caller, filters, Sort(export.sort), TimeSpan(AT_ONCE, cursor, utc_now()))
    except Problem as problem:
        log.warning("export.failed", export=str(export.id), code=problem.code)
        export.state = JobState.FAILED.value
        return None
    tickets = [] if page.is_similar else page.items
    data = csv_of(columns, tickets, has_header=place == 0)
    session.add(ExportPart(export_id=export.id, place=place, data=data))
    export.rows += len(tickets)
    export.size += len(data)
    return None if page.is_similar else page.next_cursor


def csv_of(columns: Sequence[Column], tickets: Sequence[TicketView], *, has_header: bool) -> bytes:
    """Tickets as lines of a table that no spreadsheet takes for formulas."""
    head = ["number", "subject", *(column.value for column in columns)]
    rows = (
        map(text_cell, (ticket.number, ticket.subject, *(cell_of(ticket, column) for column in columns)))
        for ticket in tickets
    )
    return (f"\ufeff{csv_table(head, *rows)}" if has_header else csv_table(*rows)).encode()


def cell_of(ticket: TicketView, column: Column) -> str:
    """What a column shows of a ticket."""
    match column:
        case Column.REQUESTER:
            name, email = ticket.requester.name, ticket.requester.email
            return f"{name} <{email}>" if name and email else name or email
        case Column.STATUS | Column.PRIORITY:
            return str(getattr(ticket, column.value))
        case Column.ASSIGNEE | Column.TEAM | Column.TOPIC:
            named = getattr(ticket, column.value)
            return str(named.name) if named else ""
        case Column.TAGS:
            return " ".join(ticket.tags)
        case Column.DUE:
            return ticket.due_at.isoformat() if ticket.due_at else ""
        case Column.CREATED | Column.UPDATED:
            at = ticket.created_at if column is Column.CREATED else ticket.updated_at
            return at.isoformat()


async def forget_expired_exports(session: Session) -> None:
    """Files whose time is over."""
    await session.execute(delete(Export).where(Export.expires_at < utc_now()))
