"""Applies and reverts roll-outs in the background: one leading process sends a command per ticket.

Progress is each row's state; command ids are made of roll-out and ticket, so a repeated command changes nothing.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import func, select, update

from services.assignment.app_state import AppState
from services.assignment.commands.execution.record_answers import record_answers
from services.assignment.commands.leading import work_while_leading
from services.assignment.models import LoggedEvent, Rollout, RolloutStep, RolloutTicket, StoredSnapshot, Ticket
from services.assignment.schemas.rollouts import UNDER_WAY, RolloutState, RolloutTicketState
from services.assignment.sla_analysis.rollout_commands import enter
from shared.contracts.answers import CommandAnswer
from shared.contracts.base import TicketId
from shared.contracts.commands import ChangeTicketPolicy, Command, RevertTicketPolicy
from shared.contracts.events import TicketPolicyChanged
from shared.contracts.policies import PolicySnapshot
from shared.contracts.tickets import SYSTEM, Actor
from shared.contracts.vocabulary import ActorKind, PolicyMode
from shared.domain.errors import NotRevertible, Refusal
from shared.kit.backoff import PATIENT, Pauses
from shared.kit.clock import utc_now
from shared.kit.db import Session
from shared.kit.telemetry import log
from shared.kit.ticket_errors import TicketsUnavailable
from shared.kit.unexpected_errors import OUR_FAULT, log_unexpected

LEADER_LOCK = 7_241_005
BATCH = 40
AT_ONCE = 8
"""Commands under way together: a roll-out leaves room for the people who work."""
TRIES = 20
"""How often a ticket may fail to answer while there are workers, before the roll-out goes on without it."""


RUNNING = select(Rollout.id).where(Rollout.state.in_(UNDER_WAY)).order_by(Rollout.id)


@dataclass(frozen=True, slots=True)
class RolloutLine:
    """The outcome for one ticket."""

    ticket_id: UUID
    state: RolloutTicketState
    code: str | None = None
    detail: str | None = None
    told: CommandAnswer | None = None
    is_silent: bool = False
    """It did not answer; its turn comes again."""


@dataclass(frozen=True, slots=True)
class RolloutBatch:
    """The next tickets of a roll-out."""

    rollout: Rollout
    rows: Sequence[RolloutTicket]
    policy: PolicySnapshot | None
    actor: Actor
    settled: list[RolloutLine] = field(default_factory=list)
    """Those of which is known what became of them, without asking."""

    @property
    def is_reverting(self) -> bool:
        """Whether the roll-out is being reverted."""
        return self.rollout.state == RolloutState.REVERTING

    def command(self, ticket_id: UUID) -> Command:
        """Returns the command of a ticket; always the same, as it is derived from stored values."""
        rollout = self.rollout
        if self.policy is None:
            name = f"rollout-revert:{rollout.id}:{ticket_id}"
            return RevertTicketPolicy(command_id=name, actor=self.actor, rollout_id=rollout.id)
        return ChangeTicketPolicy(
            command_id=f"rollout:{rollout.id}:{ticket_id}",
            actor=self.actor,
            policy=self.policy,
            mode=PolicyMode(rollout.mode),
            rollout_id=rollout.id,
        )


async def carry_out_rollouts(context: AppState) -> None:
    """Runs for ever: applies pending roll-outs while this process leads; checks again when woken."""
    await work_while_leading(context, LEADER_LOCK, context.rollouts, list_under_way, work_off)


async def work_off(context: AppState) -> None:
    """Processes roll-outs in turn until none is pending; backs off while no ticket answers."""
    pauses = Pauses(PATIENT)
    while under_way := await list_under_way(context):
        answers = [await take_step(context, rollout_id) for rollout_id in under_way]
        if any(answers):
            pauses.reset()
        else:
            await pauses.wait()


async def list_under_way(context: AppState) -> list[UUID]:
    """Returns unfinished roll-outs, oldest first."""
    async with context.database.single() as connection:
        return list(await connection.scalars(RUNNING))


async def take_step(context: AppState, rollout_id: UUID) -> bool:
    """Sends the next commands, or marks the roll-out finished. False if no ticket answered."""
    async with context.database.begin() as session:
        batch = await _next_batch(session, rollout_id)
    if batch is None:
        return True
    known = {line.ticket_id for line in batch.settled}
    places = asyncio.Semaphore(AT_ONCE)
    asked = [row.ticket_id for row in batch.rows if row.ticket_id not in known]
    lines = await asyncio.gather(*(_tell(context, places, batch, ticket_id) for ticket_id in asked))
    has_answer = len(lines) == 0 or not all(line.is_silent for line in lines)
    is_reached = has_answer or await context.tickets.has_worker()
    async with context.database.begin() as session:
        await _write_down(session, batch, [*batch.settled, *lines], is_reached=is_reached)
    return has_answer


async def _next_batch(session: Session, rollout_id: UUID) -> RolloutBatch | None:
    """Returns the next tickets; None when there are none and the roll-out is marked finished."""
    rollout = await session.get_one(Rollout, rollout_id, with_for_update=True)
    if rollout.state == RolloutState.QUEUED:
        enter(session, rollout, RolloutState.RUNNING, utc_now())
        log.info("rollout.running", rollout=str(rollout_id), policy=str(rollout.policy_id), version=rollout.version)
    is_reverting = rollout.state == RolloutState.REVERTING
    open_states = (
        (RolloutTicketState.QUEUED, RolloutTicketState.APPLIED) if is_reverting else (RolloutTicketState.QUEUED,)
    )
    query = (
        select(RolloutTicket)
        .where(RolloutTicket.rollout_id == rollout_id, RolloutTicket.state.in_(open_states))
        .order_by(RolloutTicket.attempts, RolloutTicket.ticket_id)
        .limit(BATCH)
    )
    rows = list(await session.scalars(query))
    if not rows:
        await _finish(session, rollout)
        return None
    actor = await _get_actor(session, rollout)
    if is_reverting:
        return RolloutBatch(rollout, rows, None, actor)
    policy = PolicySnapshot.model_validate((await session.get_one(StoredSnapshot, rollout.digest)).body)
    return RolloutBatch(rollout, rows, policy, actor, await _known(session, rollout, rows))


async def _get_actor(session: Session, rollout: Rollout) -> Actor:
    """Returns the actor of the latest step."""
    query = select(RolloutStep.by).where(RolloutStep.rollout_id == rollout.id, RolloutStep.by.is_not(None))
    by = await session.scalar(query.order_by(RolloutStep.id.desc()).limit(1))
    return Actor(kind=ActorKind.AGENT, id=by) if by is not None else SYSTEM


async def _known(session: Session, rollout: Rollout, rows: Sequence[RolloutTicket]) -> list[RolloutLine]:
    """Finds tickets that already have the policy, and those given another one meanwhile."""
    ids = [row.ticket_id for row in rows]
    applied = select(LoggedEvent.ticket_id).where(
        LoggedEvent.ticket_id.in_(ids),
        LoggedEvent.fact.is_not(None),
        LoggedEvent.type == TicketPolicyChanged.event_name,
        LoggedEvent.fact["rollout_id"].astext == str(rollout.id),
    )
    done = set(await session.scalars(applied))
    other = select(Ticket.id).where(
        Ticket.id.in_(ids), Ticket.snapshot["policy_id"].astext != str(rollout.policy_id), Ticket.id.not_in(done)
    )
    gone = "the ticket was given another policy in the meantime"
    return [
        *(RolloutLine(ticket_id, RolloutTicketState.APPLIED) for ticket_id in done),
        *(RolloutLine(each, RolloutTicketState.REFUSED, "other_policy", gone) for each in await session.scalars(other)),
    ]


async def _tell(context: AppState, places: asyncio.Semaphore, batch: RolloutBatch, ticket_id: UUID) -> RolloutLine:
    """Sends one command; a refusal is an answer. What fails unexpectedly is tried again, and holds up no other."""
    async with places:
        try:
            told = await context.tickets.execute(TicketId(ticket_id), batch.command(ticket_id))
        except Refusal as refusal:
            return RolloutLine(ticket_id, _refused(batch, ticket_id, refusal), refusal.code, refusal.message)
        except TicketsUnavailable as error:
            return RolloutLine(ticket_id, RolloutTicketState.FAILED, "unavailable", str(error), is_silent=True)
        except Exception as error:  # noqa: BLE001 - the others go on
            log_unexpected(error, "rollout.failed", ticket_id=str(ticket_id))
            return RolloutLine(ticket_id, RolloutTicketState.FAILED, "internal_error", OUR_FAULT, is_silent=True)
    state = RolloutTicketState.REVERTED if batch.is_reverting else RolloutTicketState.APPLIED
    return RolloutLine(ticket_id, state, told=told)


def _refused(batch: RolloutBatch, ticket_id: UUID, refusal: Refusal) -> RolloutTicketState:
    """Returns the outcome of a refused command."""
    if not batch.is_reverting:
        return RolloutTicketState.REFUSED
    was_queued = any(row.state == RolloutTicketState.QUEUED for row in batch.rows if row.ticket_id == ticket_id)
    return (
        RolloutTicketState.WITHDRAWN
        if was_queued and isinstance(refusal, NotRevertible)
        else RolloutTicketState.NOT_REVERTED
    )


async def _write_down(session: Session, batch: RolloutBatch, lines: Sequence[RolloutLine], *, is_reached: bool) -> None:
    await record_answers(session, [line.told for line in lines if line.told is not None])
    before = {row.ticket_id: row for row in batch.rows}
    for line in lines:
        row = before[line.ticket_id]
        this_one = (RolloutTicket.rollout_id == row.rollout_id, RolloutTicket.ticket_id == row.ticket_id)
        await session.execute(
            update(RolloutTicket).where(*this_one).values(_changes(batch, row, line, is_reached=is_reached))
        )


def _changes(batch: RolloutBatch, row: RolloutTicket, line: RolloutLine, *, is_reached: bool) -> dict[str, Any]:
    """Returns the changes of a line; tickets that do not answer are retried after all others."""
    if line.is_silent and row.attempts + is_reached < TRIES:
        return {"attempts": row.attempts + is_reached}
    state = RolloutTicketState.NOT_REVERTED if line.is_silent and batch.is_reverting else line.state
    return {"state": state.value, "code": line.code, "detail": line.detail, "changed_at": utc_now()}


async def _finish(session: Session, rollout: Rollout) -> None:
    if rollout.state == RolloutState.REVERTING:
        state = RolloutState.REVERTED
    else:
        failed = select(func.count()).where(
            RolloutTicket.rollout_id == rollout.id, RolloutTicket.state == RolloutTicketState.FAILED
        )
        state = RolloutState.FAILED if await session.scalar(failed) else RolloutState.DONE
    enter(session, rollout, state, utc_now())
    log.info("rollout.finished", rollout=str(rollout.id), state=state.value)
