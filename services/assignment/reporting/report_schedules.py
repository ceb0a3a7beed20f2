"""Report schedules: made, listed, changed and removed by their owners."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import func, select

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import apply_changes, changes_of, changing
from services.assignment.commands.configuration.audit import KINDS, record_change
from services.assignment.errors import refuse_reader
from services.assignment.models import Agent, ReportRun, ReportSchedule
from services.assignment.queries.access.callers import Caller
from services.assignment.reporting.schedule_times import ScheduleTimes
from services.assignment.schemas.saved_reports import (
    Frequency,
    RunView,
    ScheduleInput,
    SchedulePatch,
    ScheduleView,
)
from shared.contracts.vocabulary import Permission
from shared.domain.permissions import holds, only_reads
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Session
from shared.kit.http.problems import Problem, invalid, not_found

MOST_SCHEDULES = 50
"""That an agent may have."""
SHOWN_RUNS = 10
OWNER_INACTIVE = "its owner is deactivated"
OWNER_WITHOUT_REPORTS = "its owner may not see reports any more"
OWNER_READS = "its owner may only read now, and has nothing sent to others"
KINDS[ScheduleView] = "report-schedule"


def times_of(schedule: ReportSchedule | ScheduleInput) -> ScheduleTimes:
    """The rule by which a schedule is due."""
    return ScheduleTimes(Frequency(schedule.frequency), schedule.at, schedule.time_zone, schedule.weekday, schedule.day)


async def list_schedules(session: Session, caller: Caller) -> list[ScheduleView]:
    """The caller's, by name."""
    query = select(ReportSchedule).where(ReportSchedule.owner_id == caller.agent_id)
    schedules = (await session.scalars(query.order_by(func.lower(ReportSchedule.name), ReportSchedule.id))).all()
    runs = await _runs(session, [one.id for one in schedules])
    return [_view(caller, one, runs[one.id]) for one in schedules]


async def get_schedule(session: Session, caller: Caller, schedule_id: UUID) -> ScheduleView:
    """One of the caller's. Raises Problem 404."""
    schedule = await _own(session, caller, schedule_id)
    return _view(caller, schedule, (await _runs(session, [schedule.id]))[schedule.id])


async def create_schedule(session: Session, caller: Caller, asked: ScheduleInput) -> ScheduleView:
    """Has a report sent. Raises Problem 403 for a program, 409 for too many, 422 for people there are not."""
    if caller.person_id is None:
        raise Problem(403, "not_permitted", "only an agent has reports sent")
    owned = await session.scalar(
        select(func.count()).select_from(ReportSchedule).where(ReportSchedule.owner_id == caller.agent_id)
    )
    if (owned or 0) >= MOST_SCHEDULES:
        raise Problem(409, "too_many_schedules", f"you have {MOST_SCHEDULES} schedules; delete one first")
    await _check_recipients(session, caller, asked.recipients)
    now = utc_now()
    schedule = ReportSchedule(
        id=new_id(),
        owner_id=caller.agent_id,
        next_due_at=times_of(asked).next_after(now),
        version=1,
        created_at=now,
        **_columns(asked),
    )
    session.add(schedule)
    await session.flush()
    await record_change(session, None, _view(caller, schedule, []))
    return _view(caller, schedule, [])


async def change_schedule(context: AppState, caller: Caller, schedule_id: UUID, asked: SchedulePatch) -> ScheduleView:
    """Changes what is sent, to whom and when. With other times, or resumed, it goes on with its next time.

    Raises Problem 404, and 422 for a day that does not fit how often it is sent.
    """
    changes = changes_of(asked, nullable=frozenset({"weekday", "day"}))
    async with changing(context, caller) as session:
        schedule = await _own(session, caller, schedule_id, is_locked=True)
        before = _view(caller, schedule, [])
        if asked.recipients is not None:
            await _check_recipients(session, caller, asked.recipients)
        elif asked.model_fields_set:
            refuse_reader_to(caller, schedule.recipients)
        is_resumed, times = schedule.is_paused and asked.is_paused is False, times_of(schedule)
        if not apply_changes(schedule, _columns(_changed(schedule, changes))):
            return await get_schedule(session, caller, schedule_id)
        if is_resumed or times_of(schedule) != times:
            schedule.next_due_at = times_of(schedule).next_after(utc_now())
        schedule.version += 1
        await session.flush()
        await record_change(session, before, _view(caller, schedule, []))
        return await get_schedule(session, caller, schedule_id)


def _changed(schedule: ReportSchedule, changes: dict[str, Any]) -> ScheduleInput:
    """The schedule as it is to be. Raises Problem 422."""
    said = {name: getattr(schedule, name) for name in ScheduleInput.model_fields} | changes
    frequency = Frequency(said["frequency"])
    if "weekday" not in changes and frequency is not Frequency.WEEKLY:
        said["weekday"] = None
    if "day" not in changes and frequency is not Frequency.MONTHLY:
        said["day"] = None
    try:
        return ScheduleInput.model_validate(said | {"frequency": frequency})
    except ValidationError as error:
        wrong = error.errors(include_url=False)[0]
        field = str(wrong["loc"][0]) if wrong["loc"] else "frequency"
        raise invalid(f"/{field}", str(wrong["msg"]).removeprefix("Value error, ")) from error


async def delete_schedule(context: AppState, caller: Caller, schedule_id: UUID) -> None:
    """Sends nothing more. Raises Problem 404."""
    async with changing(context, caller) as session:
        schedule = await _own(session, caller, schedule_id, is_locked=True)
        await record_change(session, _view(caller, schedule, []), None)
        await session.delete(schedule)


async def _own(session: Session, caller: Caller, schedule_id: UUID, *, is_locked: bool = False) -> ReportSchedule:
    query = select(ReportSchedule).where(ReportSchedule.id == schedule_id, ReportSchedule.owner_id == caller.agent_id)
    schedule = await session.scalar(query.with_for_update() if is_locked else query)
    if schedule is None:
        raise not_found("report schedule")
    return schedule


def refuse_reader_to(caller: Caller, recipients: Collection[UUID]) -> None:
    """Raises Problem 403 if an agent who may only read would have mail sent to somebody else."""
    if set(recipients) - {caller.agent_id}:
        refuse_reader(caller.principal)


def why_not_sent(owner: Caller | None, recipients: Collection[UUID]) -> str | None:
    """Why a schedule pauses, in words, as its owner could not make it now; None if it is sent.

    It goes on by itself when the owner has the permission again, or names other recipients.
    """
    if owner is None:
        return OWNER_INACTIVE
    if not holds(owner.principal, Permission.REPORT_VIEW):
        return OWNER_WITHOUT_REPORTS
    if set(recipients) - {owner.agent_id} and only_reads(owner.principal):
        return OWNER_READS
    return None


async def _check_recipients(session: Session, caller: Caller, recipients: list[UUID]) -> None:
    refuse_reader_to(caller, recipients)
    known = set(await session.scalars(select(Agent.id).where(Agent.id.in_(recipients), Agent.is_active)))
    if not known.issuperset(recipients):
        raise invalid("/recipients", "must be the ids of active agents")


def _columns(asked: ScheduleInput) -> dict[str, Any]:
    return {
        "name": asked.name,
        "report": asked.report,
        "parameters": asked.parameters.model_dump(mode="json"),
        "frequency": asked.frequency.value,
        "weekday": asked.weekday,
        "day": asked.day,
        "at": asked.at,
        "time_zone": asked.time_zone,
        "recipients": list(dict.fromkeys(asked.recipients)),
        "is_paused": asked.is_paused,
    }


async def _runs(session: Session, schedule_ids: list[UUID]) -> dict[UUID, list[RunView]]:
    place = func.row_number().over(partition_by=ReportRun.schedule_id, order_by=ReportRun.at.desc()).label("place")
    numbered = select(ReportRun.schedule_id, ReportRun.period, place).where(ReportRun.schedule_id.in_(schedule_ids))
    newest = numbered.subquery()
    query = (
        select(ReportRun)
        .join(newest, (newest.c.schedule_id == ReportRun.schedule_id) & (newest.c.period == ReportRun.period))
        .where(newest.c.place <= SHOWN_RUNS)
        .order_by(ReportRun.at.desc())
    )
    found: dict[UUID, list[RunView]] = defaultdict(list)
    for run in await session.scalars(query):
        found[run.schedule_id].append(RunView.model_validate(run, from_attributes=True))
    return found


def _view(caller: Caller, schedule: ReportSchedule, runs: list[RunView]) -> ScheduleView:
    paused_because = why_not_sent(caller, schedule.recipients)
    return ScheduleView(
        id=schedule.id,
        name=schedule.name,
        report=schedule.report,
        parameters=schedule.parameters,
        frequency=Frequency(schedule.frequency),
        weekday=schedule.weekday,
        day=schedule.day,
        at=schedule.at,
        time_zone=schedule.time_zone,
        recipients=schedule.recipients,
        is_paused=schedule.is_paused,
        paused_because=paused_because,
        next_due_at=None if schedule.is_paused or paused_because else schedule.next_due_at,
        version=schedule.version,
        runs=runs,
    )
