"""Sends scheduled reports: each recipient gets what they may see at that moment, once per schedule and due day.

What is due, the run and the mails' events are written in one transaction, so nothing is sent twice or forgotten.
"""

import asyncio
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import changing
from services.assignment.models import ReportRun, ReportSchedule
from services.assignment.queries.access.callers import Caller, find_agent_caller
from services.assignment.queries.periods import InvalidPeriod
from services.assignment.reporting.catalogue import REPORTS, ReportParameters
from services.assignment.reporting.report_schedules import refuse_reader_to, times_of, why_not_sent
from services.assignment.schemas.saved_reports import RunView
from shared.contracts.base import AgentId
from shared.contracts.events import ReportReady
from shared.contracts.vocabulary import Channel, Permission
from shared.domain.permissions import holds
from shared.kit import outbox
from shared.kit.clock import utc_now
from shared.kit.db import Session
from shared.kit.http.problems import Problem, not_found
from shared.kit.outages import is_unreachable
from shared.kit.telemetry import log

LOOK_SECONDS = 8.0
LONGEST_CSV = 200_000
"""Characters of a report that is sent; longer ones are read on their page."""


async def send_due_reports(context: AppState) -> None:
    """For ever: sends what is due. What cannot be sent is noted as failed; the schedule goes on with its next time."""
    while True:
        if not await send_one_due(context, utc_now()):
            await asyncio.sleep(LOOK_SECONDS)


async def send_one_due(context: AppState, now: datetime) -> bool:
    """Sends the schedule that has been due longest; False if none is. What was missed meanwhile is sent once."""
    async with context.database.begin() as session:
        query = (
            select(ReportSchedule)
            .where(~ReportSchedule.is_paused, ReportSchedule.next_due_at <= now)
            .order_by(ReportSchedule.next_due_at)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        schedule = await session.scalar(query)
        if schedule is None:
            return False
        times = times_of(schedule)
        due_on = times.local_day(schedule.next_due_at)
        schedule.next_due_at = times.next_after(now)
        await _run(context, session, schedule, due_on, due_on.isoformat(), now)
    return True


async def run_now(context: AppState, caller: Caller, schedule_id: UUID) -> RunView:
    """Sends one of the caller's schedules at once, as if it were due today. Raises Problem 403 and 404."""
    now = utc_now()
    async with changing(context, None) as session:
        query = select(ReportSchedule).where(
            ReportSchedule.id == schedule_id, ReportSchedule.owner_id == caller.agent_id
        )
        schedule = await session.scalar(query.with_for_update())
        if schedule is None:
            raise not_found("report schedule")
        refuse_reader_to(caller, schedule.recipients)
        return await _run(context, session, schedule, times_of(schedule).local_day(now), now.isoformat(), now)


async def _run(
    context: AppState, session: Session, schedule: ReportSchedule, due_on: date, period: str, now: datetime
) -> RunView:
    sent, refused = 0, ""
    owner = await find_agent_caller(context.database, AgentId(schedule.owner_id), Channel.DESK)
    paused_because = why_not_sent(owner, schedule.recipients)
    for agent_id in () if paused_because else schedule.recipients:
        caller = await find_agent_caller(context.database, AgentId(agent_id), Channel.DESK)
        if caller is None or not holds(caller.principal, Permission.REPORT_VIEW):
            continue
        try:
            async with session.begin_nested():
                await _send(session, schedule, caller, due_on, period, now)
            sent += 1
        except (Problem, InvalidPeriod) as error:
            refused = str(error)
        except Exception as error:
            if is_unreachable(error):
                raise
            log.exception("report.failed", schedule_id=str(schedule.id))
            refused = "the report could not be made"
    result = "failed" if refused else "sent" if sent else "skipped"
    detail = paused_because or refused or ("" if sent else "none of its recipients is active and may see reports")
    run = RunView.model_validate(
        {"period": period, "at": now, "result": result, "detail": detail[:500], "sent_to": sent}
    )
    values = {"schedule_id": schedule.id, **run.model_dump()}
    await session.execute(insert(ReportRun).values(values).on_conflict_do_nothing())
    return run


async def _send(
    session: Session, schedule: ReportSchedule, caller: Caller, due_on: date, period: str, now: datetime
) -> None:
    """Makes the report with the recipient's rights, and announces it."""
    kind = REPORTS[schedule.report]
    first, last = times_of(schedule).covered(due_on)
    days = {"first": first, "last": last, "time_zone": schedule.time_zone}
    said = {name: value for name, value in schedule.parameters.items() if name not in ("days", "time_zone")}
    asked = ReportParameters.model_validate(said | days)
    csv = (await kind.make(session, caller, asked)).as_csv()
    if len(csv) > LONGEST_CSV:
        raise Problem(422, "too_large", "the report is too long to be mailed; choose a coarser one")
    ready = ReportReady(
        schedule_id=schedule.id,
        agent_id=caller.agent_id,
        name=schedule.name,
        report=schedule.report,
        first_day=None if kind.is_as_of_now else first,
        last_day=None if kind.is_as_of_now else last,
        address=kind.address(asked),
        csv=csv,
        made_at=now,
    )
    await outbox.add(session, ready, f"report:{schedule.id}:{period}:{caller.agent_id}", now)
