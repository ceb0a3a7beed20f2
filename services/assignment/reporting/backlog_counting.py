"""Counts the backlog at the end of each day, for the report of how it developed.

The event log says what was open then. A day is counted once it is over and what it recorded cannot commit late any
more; an event that comes later still and happened before has the days after it counted anew.
"""

import asyncio
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Insert, delete, func, insert, literal, select, text, union_all

from services.assignment.app_state import AppState
from services.assignment.models import BacklogCount, BacklogWatermark, LoggedEvent, Ticket
from services.assignment.queries.time_travel.open_tickets import OpenAt
from services.assignment.reporting.aggregation import EVERY_SECONDS, LAG
from services.assignment.reporting.clock_counting import day_start, next_day
from services.assignment.reporting.held_counting import NOBODY
from services.assignment.reporting.open_tickets import backlog_figures, group_of
from services.assignment.schemas.activity import Dimension
from shared.kit.clock import utc_now
from shared.kit.db import Database, Session

LOCK: Final = text("select pg_advisory_xact_lock(7241011)")
FIGURES: Final = ("overdue", "under_1_day", "under_3_days", "under_7_days", "under_30_days", "older")
"""The columns of the counts, but for `open`."""
KEPT: Final = timedelta(days=800)
"""How far back the backlog of a past is counted: two years, and the longest report beside the time before."""


async def keep_backlog_counted(context: AppState) -> None:
    """Counts periodically until cancelled. Any number of processes may run it."""
    while True:
        await count_backlog(context.database, context.settings.time_zone, utc_now() - LAG)
        await asyncio.sleep(EVERY_SECONDS)


async def count_backlog(database: Database, zone: str, until: datetime) -> None:
    """Counts the ends of all days of `zone` up to `until` that are not counted yet, a day per transaction."""
    while await _count_next(database, zone, until):
        pass


async def _count_next(database: Database, zone: str, until: datetime) -> bool:
    """The next day. Returns False once there is none."""
    async with database.begin() as session:
        await session.execute(LOCK)
        mark = await _watermark(session, zone, until)
        if mark is None:
            return False
        here = ZoneInfo(zone)
        await _forget_changed_days(session, mark, until, here)
        day = next_day(mark.days_until, here)
        if day > until:
            return False
        await session.execute(_counting(day))
        mark.days_until = day
        return True


async def _watermark(session: Session, zone: str, until: datetime) -> BacklogWatermark | None:
    """The locked watermark; begins anew at the first run and when the zone has changed. None without any ticket."""
    mark = await session.get(BacklogWatermark, 1)
    if mark is not None and mark.zone == zone:
        return mark
    first = await session.scalar(select(func.min(Ticket.created_at)))
    if first is None:
        return None
    await session.execute(delete(BacklogCount))
    begins = day_start(max(first, until - KEPT), ZoneInfo(zone))
    if mark is None:
        mark = BacklogWatermark(id=1, recorded_until=until, zone=zone, days_until=begins)
        session.add(mark)
    else:
        mark.recorded_until, mark.zone, mark.days_until = until, zone, begins
    await session.flush()
    return mark


async def _forget_changed_days(session: Session, mark: BacklogWatermark, until: datetime, zone: ZoneInfo) -> None:
    """Has the days counted anew that an event changed which was recorded after they were counted."""
    event = LoggedEvent
    if until <= mark.recorded_until:
        return
    late = select(func.min(event.at)).where(
        event.recorded_at > mark.recorded_until, event.recorded_at <= until, event.at <= mark.days_until
    )
    earliest = await session.scalar(late)
    mark.recorded_until = until
    if earliest is None:
        return
    last_right = day_start(earliest - timedelta(microseconds=1), zone)
    await session.execute(delete(BacklogCount).where(BacklogCount.at > last_right))
    mark.days_until = max(last_right, day_start(until - KEPT, zone))


def _counting(at: datetime) -> Insert:
    """Writes a row for each team and group that had open tickets at an instant. The log is read once."""
    tickets = OpenAt.of(at)
    ticket, figures = tickets.ticket, backlog_figures(tickets)
    found = (
        select(
            func.coalesce(ticket.team_id, literal(UUID(NOBODY))).label("team_id"),
            ticket.created_at,
            *(func.coalesce(group_of(ticket, one), "").label(f"by_{one.value}") for one in Dimension),
            *(figures[name].label(name) for name in FIGURES),
        )
        .select_from(tickets.source)
        .where(tickets.is_open)
        .cte("open")
    )
    columns = found.c
    counted = [
        select(
            literal(one.value),
            literal(at),
            columns.team_id,
            columns[f"by_{one.value}"],
            func.count(),
            *(func.count().filter(columns[name]) for name in FIGURES),
            func.min(columns.created_at),
        ).group_by(columns.team_id, columns[f"by_{one.value}"])
        for one in Dimension
    ]
    names = ("dimension", "at", "team_id", "key", "open", *FIGURES, "oldest_opened_at")
    return insert(BacklogCount).from_select(names, union_all(*counted))
