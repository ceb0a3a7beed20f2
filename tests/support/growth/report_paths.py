"""Paths of assignment's other reports: times, who held tickets, the backlog's past, what is behind a number, jobs."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Final, cast

from sqlalchemy import text

from services.assignment.app_state import AppState
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.periods import Period
from services.assignment.queries.ticket_page.tasks import check_nothing_blocks
from services.assignment.reporting.backlog_counting import count_backlog
from services.assignment.reporting.backlog_history import get_backlog_history
from services.assignment.reporting.clock_counting import count_clocks
from services.assignment.reporting.counted_tickets import Figure, get_counted_tickets
from services.assignment.reporting.held import get_held_report
from services.assignment.reporting.report_sending import send_one_due
from services.assignment.reporting.times import get_times_report
from services.assignment.reporting.wall_boards import list_boards
from services.assignment.schemas.activity import Dimension, ReportInterval
from services.assignment.schemas.counted_tickets import CountedIn
from services.assignment.schemas.held import TicketHolder
from services.assignment.schemas.reports import GroupBy
from services.assignment.settings import AssignmentSettings
from shared.contracts.vocabulary import Metric
from shared.kit.clock import utc_now
from shared.kit.db import Database, Session
from tests.support.growth.fill import A_TICKET, LOG_IN_RANGES
from tests.support.growth.query_plans import Path

A_FULL_DAY: Final = 10_000
"""Closed tickets with which the day of a correction has as many verdicts as any."""
AS_OF_NOW: Final = (
    text("delete from clock_watermark"),
    text("insert into clock_watermark (id, zone, recorded_until) values (1, 'UTC', now())"),
    text("update verdicts set recorded_at = clock_timestamp() where ticket_id = :ticket and metric = 'resolution'"),
)
"""Whatever was recorded is counted, but for one verdict that was recorded just now."""
A_DAY_AGO: Final = (
    text("delete from backlog_watermark"),
    text(
        "insert into backlog_watermark (id, zone, recorded_until, days_until)"
        " values (1, 'UTC', now(), date_trunc('day', now(), 'UTC') - interval '1 day')"
    ),
    text("delete from backlog_counts where at >= date_trunc('day', now(), 'UTC') - interval '1 day'"),
)
"""All days are counted but the last."""
LINES: Final = (
    Figure(CountedIn.SLA, "breached", Metric.RESOLUTION),
    Figure(CountedIn.TIMES, "count", Metric.RESOLUTION),
    Figure(CountedIn.ACTIVITY, "opened"),
    Figure(CountedIn.HELD, "stretches"),
    Figure(CountedIn.BACKLOG, "open"),
)
Asking = Callable[[Session], Awaitable[object]]


def paths(database: Database, settings: AssignmentSettings, callers: dict[str, Caller]) -> Iterator[Path]:
    """All of them."""
    for scope, caller in callers.items():
        for name, asking in _of_reports(caller):
            yield Path(f"{name}, {scope}", _within(database, asking), LOG_IN_RANGES)
    yield Path("tasks that keep a ticket from being resolved", _within(database, _tasks))
    context = cast(AppState, SimpleNamespace(database=database, settings=settings))

    async def verdicts() -> None:
        await _prepare(database, AS_OF_NOW)
        await count_clocks(context, utc_now(), timedelta())

    async def backlog() -> None:
        await _prepare(database, A_DAY_AGO)
        await count_backlog(database, "UTC", utc_now())

    async def send() -> None:
        await send_one_due(context, utc_now() - timedelta(days=1))

    yield Path("verdicts are counted after a correction", verdicts, A_FULL_DAY)
    yield Path("the backlog of a day is counted", backlog)
    yield Path("reports that are due are sent", send)


def _of_reports(caller: Caller) -> Iterator[tuple[str, Asking]]:
    now = utc_now()
    month = Period(now - timedelta(days=30), now)

    async def times(session: Session) -> None:
        for group_by in GroupBy:
            await get_times_report(session, caller, month, group_by)

    async def held(session: Session) -> None:
        for holder in TicketHolder:
            await get_held_report(session, caller, month, holder)

    async def history(session: Session) -> None:
        for group_by in Dimension:
            await get_backlog_history(session, caller, month, group_by, ReportInterval.DAY)

    async def lines(session: Session) -> None:
        for figure in LINES:
            await get_counted_tickets(session, caller, month, figure, 1)

    yield "times of 30 days", times
    yield "who held tickets in 30 days", held
    yield "the backlog of 30 days", history
    yield "the tickets behind a number of a report", lines
    yield "wall boards", lambda session: list_boards(session, caller)


async def _tasks(session: Session) -> None:
    await check_nothing_blocks(session, A_TICKET)


async def _prepare(database: Database, statements: tuple[object, ...]) -> None:
    async with database.begin() as session:
        for one in statements:
            values = {"ticket": A_TICKET} if ":ticket" in str(one) else {}
            await session.execute(one, values)  # type: ignore[call-overload]


def _within(database: Database, asking: Asking) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        async with database.begin() as session:
            await asking(session)

    return run
