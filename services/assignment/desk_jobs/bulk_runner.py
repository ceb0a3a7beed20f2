"""Runs bulk actions: the leading process sends one command per ticket; resumes after a crash.

What was done is a row's state. Each command carries an id made of job and ticket, and its answer is stored beside its
effect as for any request with an Idempotency-Key, so doing it again after a crash does nothing and gives that answer.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from pydantic_core import to_json
from sqlalchemy import delete, select, update

from services.assignment.app_state import AppState
from services.assignment.commands.execution.command_request import CommandRequest
from services.assignment.commands.leading import work_while_leading
from services.assignment.desk_jobs.agents import find_agent_caller
from services.assignment.desk_jobs.bulk_jobs import UNDER_WAY
from services.assignment.desk_jobs.job_actions import JOB_ACTIONS
from services.assignment.models import BulkJob, BulkTicket
from services.assignment.queries.access.callers import Caller
from services.assignment.schemas.desk import BulkTicketState, JobState
from shared.contracts.vocabulary import Channel
from shared.domain.errors import Refusal
from shared.kit.backoff import PATIENT, Pauses
from shared.kit.clock import utc_now
from shared.kit.db import Session
from shared.kit.http.idempotency import IN_FLIGHT, fingerprint
from shared.kit.http.problems import Problem
from shared.kit.telemetry import log
from shared.kit.ticket_errors import TicketsUnavailable
from shared.kit.unexpected_errors import OUR_FAULT, log_unexpected

LEADER_LOCK: Final = 7_241_015
BATCH: Final = 40
AT_ONCE: Final = 6
"""Commands under way together: a job leaves room for the people who work."""
OF_INCIDENTS_AT_ONCE: Final = 3
OF_INCIDENTS_PER_SECOND: Final = 25
"""What is done to thousands of children is slower than their agents' own work, and never as much of it."""
TRIES: Final = 20
"""How often a ticket may fail to answer before the job goes on without it."""
KEPT: Final = timedelta(days=14)
RETRIED: Final = (409, 429, 503)
CHANGED_BY_DONE: Final = (BulkTicketState.QUEUED.value, BulkTicketState.CANCELLED.value)
"""What was under way when its job was cancelled, and took effect, is told as done."""


@dataclass(frozen=True, slots=True)
class BulkResult:
    """What has become of one ticket."""

    ticket_id: UUID
    state: BulkTicketState
    code: str | None = None
    detail: str | None = None
    is_silent: bool = False
    """It did not answer; its turn comes again."""


async def carry_out_bulk_jobs(context: AppState) -> None:
    """For ever: does what there is to do, one process at a time; looks after one was asked for."""
    await work_while_leading(context, LEADER_LOCK, context.bulk_jobs, _under_way, work_off)


async def work_off(context: AppState) -> None:
    """Until no job is under way, some tickets of each in turn. While nobody answers it waits longer and longer."""
    pauses = Pauses(PATIENT)
    while under_way := await _under_way(context):
        answers = [await take_step(context, job_id) for job_id in under_way]
        if any(answers):
            pauses.reset()
        else:
            await pauses.wait()


async def _under_way(context: AppState) -> list[UUID]:
    query = select(BulkJob.id).where(BulkJob.state.in_(UNDER_WAY)).order_by(BulkJob.id)
    async with context.database.begin() as session:
        return list(await session.scalars(query))


async def take_step(context: AppState, job_id: UUID) -> bool:
    """Does some tickets, or declares the job finished. False if no ticket answered."""
    async with context.database.begin() as session:
        job = await session.get(BulkJob, job_id, with_for_update=True)
        if job is None or job.state not in UNDER_WAY:
            return True
        ids = await _next_tickets(session, job)
        caller = await find_agent_caller(session, job.agent_id, Channel(job.channel))
        if not ids:
            job.state, job.finished_at = JobState.DONE.value, utc_now()
            log.info("bulk.finished", job=str(job.id), action=job.action)
            return True
        job.state = JobState.RUNNING.value
    places = asyncio.Semaphore(AT_ONCE if job.incident_id is None else OF_INCIDENTS_AT_ONCE)
    began = asyncio.get_running_loop().time()
    results = await asyncio.gather(*(_act(context, places, job, caller, one) for one in ids))
    async with context.database.begin() as session:
        await _write_down(session, job.id, results)
    if job.incident_id is not None and len(ids) == BATCH:
        await asyncio.sleep(began + BATCH / OF_INCIDENTS_PER_SECOND - asyncio.get_running_loop().time())
    return not all(result.is_silent for result in results)


async def _next_tickets(session: Session, job: BulkJob) -> Sequence[UUID]:
    query = (
        select(BulkTicket.ticket_id)
        .where(BulkTicket.job_id == job.id, BulkTicket.state == BulkTicketState.QUEUED.value)
        .order_by(BulkTicket.attempts, BulkTicket.place)
        .limit(BATCH)
    )
    return list(await session.scalars(query))


async def _act(
    context: AppState, places: asyncio.Semaphore, job: BulkJob, caller: Caller | None, ticket_id: UUID
) -> BulkResult:
    """The action on one ticket, just as if its agent had sent it; a refusal is an answer.

    What fails unexpectedly is tried again, and holds up neither the other tickets nor other jobs.
    """
    if caller is None:
        return BulkResult(ticket_id, BulkTicketState.REFUSED, "agent_inactive", "the agent is not active any more")
    body, handler = to_json(job.body), JOB_ACTIONS[job.action]
    call = CommandRequest(
        caller=caller,
        reference=str(ticket_id),
        route=job.action,
        key=f"bulk:{job.id}",
        expected_revision=None,
        request_hash=fingerprint(body),
    )
    async with places:
        try:
            await handler.run(context, call, handler.body.model_validate_json(body))
        except Problem as problem:
            is_silent = problem.status in RETRIED and (problem.status != 409 or problem.code == IN_FLIGHT)
            state = BulkTicketState.FAILED if is_silent else BulkTicketState.REFUSED
            return BulkResult(ticket_id, state, problem.code, problem.detail, is_silent)
        except Refusal as refusal:
            return BulkResult(ticket_id, BulkTicketState.REFUSED, refusal.code, refusal.message)
        except TicketsUnavailable as error:
            return BulkResult(ticket_id, BulkTicketState.FAILED, "unavailable", str(error), is_silent=True)
        except Exception as error:  # noqa: BLE001 - the others go on
            log_unexpected(error, "bulk.failed", job=str(job.id), action=job.action, ticket_id=str(ticket_id))
            return BulkResult(ticket_id, BulkTicketState.FAILED, "internal_error", OUR_FAULT, is_silent=True)
    return BulkResult(ticket_id, BulkTicketState.DONE)


async def _write_down(session: Session, job_id: UUID, results: Sequence[BulkResult]) -> None:
    now = utc_now()
    for result in results:
        is_done = result.state is BulkTicketState.DONE
        line = (
            BulkTicket.job_id == job_id,
            BulkTicket.ticket_id == result.ticket_id,
            BulkTicket.state.in_(CHANGED_BY_DONE if is_done else CHANGED_BY_DONE[:1]),
        )
        if result.is_silent:
            again = update(BulkTicket).where(*line, BulkTicket.attempts < TRIES - 1)
            told = await session.execute(again.values(attempts=BulkTicket.attempts + 1).returning(BulkTicket.place))
            if told.first() is not None:
                continue
        values = {"state": result.state.value, "code": result.code, "detail": result.detail, "changed_at": now}
        await session.execute(update(BulkTicket).where(*line).values(values))


async def forget_old_jobs(session: Session) -> None:
    """What was finished long ago, with what agents wrote in it."""
    await session.execute(delete(BulkJob).where(BulkJob.finished_at < utc_now() - KEPT))
