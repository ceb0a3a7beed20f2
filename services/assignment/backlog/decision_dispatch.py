"""Sends stored decisions to the tickets' workflows, with retries, under a command id that takes effect once."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from services.assignment.app_state import AppState
from services.assignment.commands.execution.record_answers import record_answers
from services.assignment.models import TicketAssignment
from services.assignment.routing.assignments import ASSIGNMENTS
from shared.contracts.answers import CommandAnswer
from shared.contracts.base import AgentId, TicketId
from shared.contracts.commands import AssignTicket, Command, ReleaseTicket
from shared.contracts.tickets import SYSTEM
from shared.contracts.vocabulary import DecisionCause, ReturnReason
from shared.domain.errors import Refusal, TicketArchivedError, UnknownTicket
from shared.kit.backoff import Backoff
from shared.kit.clock import utc_now
from shared.kit.db import Session
from shared.kit.leases import kept_lease
from shared.kit.telemetry import log
from shared.kit.ticket_errors import TicketsUnavailable
from shared.kit.unexpected_errors import log_unexpected

Row = Mapping[str, Any]
AT_ONCE = 8
BATCH = 40
RENEWED_FOR = timedelta(seconds=2)
LEASE = RENEWED_FOR
"""How long a decision belongs to a process that died while it sent it. One that lives renews it, and a decision that is
sent twice all the same has its effect once."""
CHANGED = timedelta(seconds=5)
"""The delay after a refusal, within which the read model receives the change that caused the refusal."""
GONE = timedelta(days=1)
SILENT = Backoff((2, 5, 10, 30, 60))


@dataclass(frozen=True, slots=True)
class _SentAnswer:
    row: Row
    told: CommandAnswer | None = None
    refusal: Refusal | None = None


async def send(context: AppState, rows: Sequence[Row]) -> int:
    """Sends decisions, stores the answers and the outcome of each. Returns how many workflows answered."""
    if not rows:
        return 0
    places, ids = asyncio.Semaphore(AT_ONCE), [row["id"] for row in rows]
    async with kept_lease(RENEWED_FOR, lambda: _renew(context, ids)):
        answers = await asyncio.gather(*(_send(context, places, row) for row in rows))
    async with context.database.begin() as session:
        await record_answers(session, [answer.told for answer in answers if answer.told is not None])
        for answer in sorted(answers, key=lambda answer: answer.row["id"]):
            values = _outcome(answer, utc_now())
            await session.execute(update(ASSIGNMENTS).where(_is_still_sent(answer.row["id"])).values(values))
    return sum(answer.told is not None or answer.refusal is not None for answer in answers)


async def take_unsent(session: Session, now: datetime) -> list[Row]:
    """Claims decisions whose sender has stopped: their lease has expired. Returns the claimed rows."""
    due = (
        select(ASSIGNMENTS.c.id)
        .where(TicketAssignment.state == "sent", TicketAssignment.next_attempt_at <= now - LEASE)
        .order_by(TicketAssignment.next_attempt_at, TicketAssignment.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    taken = (
        update(ASSIGNMENTS)
        .where(ASSIGNMENTS.c.id.in_(due))
        .values(next_attempt_at=now, attempts=ASSIGNMENTS.c.attempts + 1)
        .returning(ASSIGNMENTS)
    )
    return [dict(row) for row in (await session.execute(taken)).mappings()]


def command_of(row: Row) -> Command:
    """The command for a decision, derived from the stored row only, so every attempt sends the same one."""
    name = f"assignment:{row['id']}"
    seen: dict[str, Any] = {"command_id": name, "actor": SYSTEM, "expected_revision": row["revision"]}
    if row["agent_id"] is not None:
        return AssignTicket(**seen, agent_id=AgentId(row["agent_id"]))
    is_absent = row["cause"] == DecisionCause.ABSENT.value
    reason = ReturnReason.AGENT_ABSENT if is_absent else ReturnReason.AGENT_UNAVAILABLE
    return ReleaseTicket(**seen, agent_id=AgentId(row["previous_agent_id"]), reason=reason)


async def _send(context: AppState, places: asyncio.Semaphore, row: Row) -> _SentAnswer:
    async with places:
        try:
            return _SentAnswer(row, told=await context.tickets.execute(TicketId(row["ticket_id"]), command_of(row)))
        except Refusal as refusal:
            return _SentAnswer(row, refusal=refusal)
        except TicketsUnavailable:
            return _SentAnswer(row)
        except Exception as error:  # noqa: BLE001 - the others go on
            log_unexpected(error, "assignment.failed", ticket_id=str(row["ticket_id"]))
            return _SentAnswer(row)


async def _renew(context: AppState, ids: Sequence[UUID]) -> None:
    """Keeps decisions that are being sent from other processes."""
    kept = update(ASSIGNMENTS).where(ASSIGNMENTS.c.id.in_(ids), ASSIGNMENTS.c.state == "sent")
    async with context.database.begin() as session:
        await session.execute(kept.values(next_attempt_at=utc_now()))


def _is_still_sent(row_id: UUID) -> Any:
    return (ASSIGNMENTS.c.id == row_id) & (ASSIGNMENTS.c.state == "sent")


def _outcome(answer: _SentAnswer, now: datetime) -> dict[str, Any]:
    if answer.told is not None:
        return {"state": "applied"}
    if answer.refusal is not None:
        log.info("assignment.refused", ticket_id=str(answer.row["ticket_id"]), code=answer.refusal.code)
        is_gone = isinstance(answer.refusal, (TicketArchivedError, UnknownTicket))
        return {"state": "refused", "next_attempt_at": now + (GONE if is_gone else CHANGED)}
    return {"next_attempt_at": now + SILENT.delay_after(answer.row["attempts"] + 1) - LEASE}
