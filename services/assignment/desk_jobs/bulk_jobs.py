"""Bulk actions: validation, one stored row per ticket, and progress."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError
from pydantic_core import to_json
from sqlalchemy import func, insert, select, update

from services.assignment.commands.action_registry import ACTIONS
from services.assignment.models import BulkJob, BulkTicket, Ticket
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.access.visibility import visible_to
from services.assignment.queries.cursors import number_in
from services.assignment.queries.lists import Filters, Sort, TimeSpan, list_ticket_ids
from services.assignment.schemas.desk import (
    MOST_TICKETS,
    BulkInput,
    BulkTicketState,
    BulkTicketView,
    BulkView,
    JobState,
)
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Session
from shared.kit.http.paging import decode_cursor, encode_cursor
from shared.kit.http.problems import Problem, invalid, not_found

READ_AT_ONCE: Final = 2_000
UNDER_WAY: Final = (JobState.QUEUED.value, JobState.RUNNING.value)
MOST_JOBS: Final = 10
"""Jobs of one agent that may be under way together."""


@dataclass(frozen=True, slots=True)
class BulkWork:
    """What a job does, to which tickets."""

    action: str
    body: dict[str, Any]
    ticket_ids: Sequence[UUID]
    incident_id: UUID | None = None
    """The major incident that the tickets are children of."""


async def start_bulk(session: Session, caller: Caller, asked: BulkInput) -> BulkView:
    """Writes the job down, a line for each ticket. Raises Problem 403, 409 and 422."""
    refuse_programs(caller)
    body = _checked(asked)
    await refuse_too_many(session, caller)
    ids = await _tickets_of(session, caller, asked, utc_now())
    return await write_job(session, caller, BulkWork(asked.action, body, ids))


def refuse_programs(caller: Caller) -> None:
    """Raises Problem 403 for a service token."""
    if caller.person_id is None:
        raise Problem(403, "not_permitted", "only an agent can ask for this; a program sends each action itself")


async def write_job(session: Session, caller: Caller, work: BulkWork) -> BulkView:
    """Writes a job and a line for each ticket."""
    now, ids = utc_now(), work.ticket_ids
    job = BulkJob(
        id=new_id(),
        agent_id=caller.agent_id,
        channel=caller.channel.value,
        action=work.action,
        body=work.body,
        state=JobState.QUEUED.value if ids else JobState.DONE.value,
        total=len(ids),
        created_at=now,
        finished_at=None if ids else now,
        incident_id=work.incident_id,
    )
    session.add(job)
    await session.flush()
    lines = [
        {"job_id": job.id, "ticket_id": one, "place": place, "state": BulkTicketState.QUEUED.value, "changed_at": now}
        for place, one in enumerate(ids)
    ]
    if lines:
        await session.execute(insert(BulkTicket), lines)
    return await view_of(session, job)


def _checked(asked: BulkInput) -> dict[str, Any]:
    """The body as the action takes it. Raises Problem 422."""
    handler = ACTIONS.get(asked.action)
    if handler is None:
        raise invalid("/action", f"known: {', '.join(sorted(ACTIONS))}")
    try:
        handler.body.model_validate_json(to_json(asked.body))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        pointer = "/".join(["/body", *(str(part) for part in first["loc"])])
        raise invalid(pointer, str(first["msg"]).removeprefix("Value error, ")) from error
    return asked.body


async def refuse_too_many(session: Session, caller: Caller) -> None:
    """Raises Problem 409 while many of the caller's jobs are under way."""
    mine = (BulkJob.agent_id == caller.agent_id, BulkJob.state.in_(UNDER_WAY))
    if (await session.scalar(select(func.count()).where(*mine)) or 0) >= MOST_JOBS:
        raise Problem(409, "too_many_jobs", f"{MOST_JOBS} of your actions are under way; wait for one to finish")


async def _tickets_of(session: Session, caller: Caller, asked: BulkInput, now: datetime) -> Sequence[UUID]:
    """The tickets that are meant, each once. Raises Problem 409 and 422."""
    if asked.ticket_ids is not None:
        return list(dict.fromkeys(asked.ticket_ids))
    filters = asked.filter.filters if asked.filter else Filters()
    found: dict[UUID, None] = {}
    cursor: str | None = None
    while True:
        span = TimeSpan(READ_AT_ONCE, cursor, now)
        ids, cursor = await list_ticket_ids(session, caller, filters, Sort.CREATED, span)
        found |= dict.fromkeys(ids)
        if len(found) > MOST_TICKETS:
            raise invalid("/filter", f"it finds more than {MOST_TICKETS:,} tickets; narrow it")
        if cursor is None:
            break
    if asked.expected is not None and len(found) > asked.expected:
        said = f"the filter finds {len(found)} tickets now, not {asked.expected}; look at them again"
        raise Problem(409, "more_tickets", said, found=len(found))
    return list(found)


async def cancel_bulk(session: Session, caller: Caller, job_id: UUID) -> BulkView:
    """What has not had its turn yet is left alone. Raises Problem 404."""
    job = await _own(session, caller, job_id, is_locked=True)
    if job.state in UNDER_WAY:
        now = utc_now()
        queued = (BulkTicket.job_id == job.id, BulkTicket.state == BulkTicketState.QUEUED.value)
        await session.execute(
            update(BulkTicket).where(*queued).values(state=BulkTicketState.CANCELLED.value, changed_at=now)
        )
        job.state, job.finished_at = JobState.CANCELLED.value, now
        await session.flush()
    return await view_of(session, job)


async def get_bulk(session: Session, caller: Caller, job_id: UUID, limit: int, cursor: str | None) -> BulkView:
    """A job of the caller's own, with some of its results. Raises Problem 404, and 422 for a cursor not ours."""
    return await with_results(session, caller, await _own(session, caller, job_id), limit, cursor)


async def with_results(session: Session, caller: Caller, job: BulkJob, limit: int, cursor: str | None) -> BulkView:
    """A job with some of its results, of which the caller sees as much as of the tickets. Raises Problem 422."""
    view = await view_of(session, job)
    position = decode_cursor(cursor, int)
    after = number_in(position[0]) if position else -1
    query = (
        select(BulkTicket, Ticket.number)
        .outerjoin(Ticket, (Ticket.id == BulkTicket.ticket_id) & visible_to(caller.principal))
        .where(BulkTicket.job_id == job.id, BulkTicket.place > after)
        .order_by(BulkTicket.place)
        .limit(limit + 1)
    )
    rows = (await session.execute(query)).tuples().all()
    view.items = [
        BulkTicketView(
            ticket_id=line.ticket_id,
            number=number,
            state=BulkTicketState(line.state),
            code=line.code,
            detail=line.detail,
        )
        for line, number in rows[:limit]
    ]
    view.next_cursor = encode_cursor(rows[limit - 1][0].place) if len(rows) > limit else None
    return view


async def list_bulk(session: Session, caller: Caller, limit: int) -> list[BulkView]:
    """The caller's jobs, newest first, without their tickets."""
    query = select(BulkJob).where(BulkJob.agent_id == caller.agent_id).order_by(BulkJob.id.desc()).limit(limit)
    return [await view_of(session, job) for job in await session.scalars(query)]


async def _own(session: Session, caller: Caller, job_id: UUID, *, is_locked: bool = False) -> BulkJob:
    query = select(BulkJob).where(BulkJob.id == job_id, BulkJob.agent_id == caller.agent_id)
    job = await session.scalar(query.with_for_update() if is_locked else query)
    if job is None:
        raise not_found("action on many tickets")
    return job


async def view_of(session: Session, job: BulkJob) -> BulkView:
    """A job and how far it has come, without its tickets."""
    rows = await session.execute(
        select(BulkTicket.state, func.count()).where(BulkTicket.job_id == job.id).group_by(BulkTicket.state)
    )
    counts = dict.fromkeys((state.value for state in BulkTicketState), 0) | dict(rows.tuples().all())
    return BulkView(
        id=job.id,
        action=job.action,
        state=JobState(job.state),
        total=job.total,
        counts=counts,
        created_at=job.created_at,
        finished_at=job.finished_at,
    )
