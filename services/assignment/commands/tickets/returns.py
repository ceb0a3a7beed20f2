"""Returns tickets of inactive or departed agents, and of inactive teams, to an active team; its lead gets one mail.

What there is to do is read off the tickets themselves, so it makes no difference whether an agent was switched off a
moment ago, an assignment to them was on its way just then, or a resolved ticket of theirs has only now been reopened.
Each is written down before its workflow hears of it: a process that dies has it sent again under the same id.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from services.assignment.app_state import AppState
from services.assignment.commands.execution.record_answers import record_answers
from services.assignment.commands.leading import work_while_leading
from services.assignment.commands.tickets.return_notices import notify_of_returns
from services.assignment.models import Departure, TicketReturn, table_of
from services.assignment.queries.returns import find_strays, has_work, still_holds
from services.assignment.routing_rules.stored_facts import stored_facts
from shared.contracts.answers import CommandAnswer
from shared.contracts.base import AgentId, TeamId, TicketId
from shared.contracts.commands import Command, ReleaseTicket, TransferTicket
from shared.contracts.tickets import SYSTEM
from shared.contracts.vocabulary import ReturnReason
from shared.domain.errors import Refusal, TicketArchivedError, UnknownTicket
from shared.kit.backoff import Backoff
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Session
from shared.kit.telemetry import log
from shared.kit.ticket_errors import TicketsUnavailable
from shared.kit.unexpected_errors import log_unexpected

LEADER_LOCK = 7_241_006
BATCH = 40
AT_ONCE = 8
"""Commands under way together: what goes back leaves room for the people who work."""
DEPARTED_FOR = timedelta(minutes=5)
"""How long an assignment that was on its way may still arrive."""
CHANGED = timedelta(seconds=5)
"""After this the read model has heard of whatever made the ticket refuse."""
GONE = timedelta(days=1)
KEPT = timedelta(days=30)
SILENT = Backoff((1, 2, 5, 10, 30, 60))
"""Pauses after a ticket's workflow did not answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a ticket said."""

    line: TicketReturn
    told: CommandAnswer | None = None
    refusal: Refusal | None = None


async def return_tickets(context: AppState) -> None:
    """For ever: does what there is to do, one process at a time; looks after whatever may have made some."""
    await work_while_leading(context, LEADER_LOCK, context.returns, _has_work, work_off)


async def work_off(context: AppState) -> None:
    """Sends back all that can be, then tells people of all of it at once."""
    while await take_step(context):
        pass
    now = utc_now()
    async with context.database.begin() as session:
        await session.execute(delete(Departure).where(Departure.left_at < now - DEPARTED_FOR))
        await notify_of_returns(session, now)


async def take_step(context: AppState) -> bool:
    """Sends some tickets back. False if there is none left, or none of them answered."""
    async with context.database.begin() as session:
        await write_lines(context, session, utc_now())
    async with context.database.begin() as session:
        lines = await _next_lines(session, utc_now())
    places = asyncio.Semaphore(AT_ONCE)
    answers = await asyncio.gather(*(_send(context, places, line) for line in lines))
    async with context.database.begin() as session:
        await _write_down(session, answers, utc_now())
    return any(answer.told or answer.refusal for answer in answers)


async def forget_told(session: Session) -> None:
    """Deletes what was settled long ago."""
    old = TicketReturn.created_at < utc_now() - KEPT
    await session.execute(delete(TicketReturn).where(old, TicketReturn.state.in_(("told", "refused"))))


async def write_lines(context: AppState, session: Session, now: datetime) -> None:
    """Finds tickets that nobody looks at, and writes down where each belongs."""
    strays = await find_strays(session, now, BATCH)
    if not strays:
        return
    table = await context.routing_tables.get(session, now)
    teamless = [stray.ticket_id for stray in strays if stray.team_id is None]
    facts = await stored_facts(session, table.topics, teamless) if teamless else {}
    ruled = {ticket_id: table.result_for(one).team_id for ticket_id, one in facts.items()}
    rows = [
        {
            "id": new_id(),
            "ticket_id": stray.ticket_id,
            "agent_id": stray.agent_id,
            "from_team_id": stray.team_id,
            "to_team_id": table.successors.home_of(stray.team_id or ruled.get(stray.ticket_id)),
            "revision": stray.revision,
            "reason": stray.reason,
            "state": "queued",
            "attempts": 0,
            "next_attempt_at": now,
            "created_at": now,
        }
        for stray in strays
    ]
    await session.execute(insert(table_of(TicketReturn)).values(rows).on_conflict_do_nothing())


async def _has_work(context: AppState) -> bool:
    now = utc_now()
    async with context.database.begin() as session:
        return await has_work(session, now, now - DEPARTED_FOR)


async def _next_lines(session: Session, now: datetime) -> Sequence[TicketReturn]:
    query = (
        select(TicketReturn)
        .where(TicketReturn.state == "queued", TicketReturn.next_attempt_at <= now)
        .order_by(TicketReturn.next_attempt_at, TicketReturn.id)
        .limit(BATCH)
    )
    lines = (await session.scalars(query)).all()
    valid = await still_holds(session, lines)
    for line in lines:
        if line.id not in valid:
            line.state, line.next_attempt_at = "refused", now
    return [line for line in lines if line.id in valid]


def command_of(line: TicketReturn) -> Command:
    """The same command each time, for it is made of what is stored."""
    name, reason = f"return:{line.id}", ReturnReason(line.reason)
    if line.from_team_id == line.to_team_id and line.agent_id is not None:
        return ReleaseTicket(command_id=name, actor=SYSTEM, agent_id=AgentId(line.agent_id), reason=reason)
    return TransferTicket(
        command_id=name,
        actor=SYSTEM,
        expected_revision=line.revision,
        team_id=TeamId(line.to_team_id),
        reason=reason,
    )


async def _send(context: AppState, places: asyncio.Semaphore, line: TicketReturn) -> Answer:
    async with places:
        try:
            return Answer(line, told=await context.tickets.execute(TicketId(line.ticket_id), command_of(line)))
        except Refusal as refusal:
            return Answer(line, refusal=refusal)
        except TicketsUnavailable:
            return Answer(line)
        except Exception as error:  # noqa: BLE001 - the others go on
            log_unexpected(error, "return.failed", ticket_id=str(line.ticket_id))
            return Answer(line)


async def _write_down(session: Session, answers: Sequence[Answer], now: datetime) -> None:
    await record_answers(session, [answer.told for answer in answers if answer.told is not None])
    for answer in answers:
        line = answer.line
        values: dict[str, Any]
        if answer.told is not None:
            values = {"state": "returned"}
        elif answer.refusal is not None:
            log.info("return.refused", ticket_id=str(line.ticket_id), code=answer.refusal.code)
            is_gone = isinstance(answer.refusal, (TicketArchivedError, UnknownTicket))
            values = {"state": "refused", "next_attempt_at": now + (GONE if is_gone else CHANGED)}
        else:
            attempts = line.attempts + 1
            values = {"attempts": attempts, "next_attempt_at": now + SILENT.delay_after(attempts)}
        await session.execute(update(TicketReturn).where(TicketReturn.id == line.id).values(values))
