"""Commands whose sender died before the answer was written down are sent again, and have their effect once.

One whose sender gave up, and said so, is not sent again: whether it took effect is found out, for then its events are
still to be announced.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select, update

from services.assignment.app_state import AppState
from services.assignment.commands.execution.intents import LEASE, drop, finish, release
from services.assignment.commands.execution.merge_steps import request_of, write_next, write_undoing
from services.assignment.commands.execution.notes import COMMENTS, NewNote, Signature, add_note
from services.assignment.commands.execution.record_answers import record_answers
from services.assignment.models import Intent, Ticket
from shared.contracts.answers import CommandAnswer
from shared.contracts.base import TicketId
from shared.contracts.commands import AskedCommand, RecordReply
from shared.contracts.events import Author
from shared.domain.errors import Refusal, UnknownTicket
from shared.kit.clock import derived_id, utc_now
from shared.kit.telemetry import log
from shared.kit.ticket_errors import TicketStuck, TicketsUnavailable
from shared.kit.unexpected_errors import log_unexpected

EVERY_SECONDS, SOONEST_SECONDS = 8.0, 0.5
"""The longest and the shortest pause between two looks."""
AT_ONCE = 20
SILENT_FOR = timedelta(seconds=30)
"""After a ticket did not answer, when it is asked again."""
MOST_SILENCES = 20
"""How often a ticket may fail to answer, while Temporal does, before its command is given up."""


async def resend_intents(context: AppState) -> None:
    """For ever: looks for commands that were left behind."""
    while True:
        while await resend_left_behind(context):
            pass
        await asyncio.sleep(await _wait_seconds(context))


async def _wait_seconds(context: AppState) -> float:
    """Until the next claim runs out, if that is soon: most end before, for their senders live."""
    async with context.database.single() as connection:
        next_at: datetime | None = await connection.scalar(select(func.min(Intent.claimed_until)))
    if next_at is None:
        return EVERY_SECONDS
    return min(max((next_at - utc_now()).total_seconds(), SOONEST_SECONDS), EVERY_SECONDS)


async def resend_left_behind(context: AppState) -> int:
    """Settles some; returns how many could be."""
    intents = await _left_behind(context)
    with context.tickets.under_way.holding([intent.command_id for intent in intents]):
        return sum([await _settle(context, intent) for intent in intents])


async def send_now(context: AppState, command_id: str) -> None:
    """Sends one command that was handed over a moment ago; if it cannot be now, `resend_intents` does it later."""
    now = utc_now()
    this_one = select(Intent).where(Intent.command_id == command_id, Intent.claimed_until <= now)
    async with context.database.begin() as session:
        intent = await session.scalar(this_one.with_for_update(skip_locked=True))
        if intent is not None:
            intent.claimed_until = now + LEASE
    if intent is not None:
        await _settle(context, intent)


async def _left_behind(context: AppState) -> Sequence[Intent]:
    """Intents whose claim has run out, now claimed by us."""
    now = utc_now()
    query = (
        select(Intent)
        .where(Intent.claimed_until < now)
        .order_by(Intent.claimed_until, Intent.command_id)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    async with context.database.begin() as session:
        intents = (await session.scalars(query)).all()
        for intent in intents:
            intent.claimed_until = now + LEASE
    return intents


async def _settle(context: AppState, intent: Intent) -> bool:
    """Sends a command, or asks after it; True if it is settled.

    What fails unexpectedly is tried again as a ticket that does not answer is, and does not hold up the others.
    """
    try:
        return await _carry_out(context, intent)
    except Exception as error:  # noqa: BLE001 - the others go on
        log_unexpected(error, "intent.failed", command_id=intent.command_id, ticket_id=str(intent.ticket_id))
        return await _note_silence(context, intent)


async def _carry_out(context: AppState, intent: Intent) -> bool:
    ticket_id, command = TicketId(intent.ticket_id), AskedCommand.model_validate(intent.command).root
    try:
        if intent.is_abandoned:
            told = await context.tickets.find_answer(ticket_id, command.command_id)
        else:
            told = await context.tickets.execute(ticket_id, command)
    except UnknownTicket:
        if isinstance(command, RecordReply) and not await _was_known(context, ticket_id):
            return False
        return await _refused(context, intent, UnknownTicket.code)
    except Refusal as refusal:
        return await _refused(context, intent, refusal.code)
    except TicketStuck:
        return await _note_silence(context, intent)
    except TicketsUnavailable:
        return False
    if told is None:
        await release(context.database, intent.command_id, is_abandoned=True)
        return True
    await _record_answer(context, intent, told)
    log.info("intent.carried_out", command_id=intent.command_id, ticket_id=str(ticket_id))
    return True


async def _refused(context: AppState, intent: Intent, code: str) -> bool:
    log.warning("intent.refused", command_id=intent.command_id, ticket_id=str(intent.ticket_id), code=code)
    async with context.database.begin() as session:
        await write_undoing(session, request_of(intent), AskedCommand.model_validate(intent.command).root)
        await finish(session, intent.command_id)
    return True


async def _was_known(context: AppState, ticket_id: TicketId) -> bool:
    """Whether the ticket's workflow has been there: then it has ended, and else it will start."""
    async with context.database.begin() as session:
        return bool(await session.scalar(select(Ticket.seq).where(Ticket.id == ticket_id)))


async def _record_answer(context: AppState, intent: Intent, told: CommandAnswer) -> None:
    """What the sender would have written down, but for the answer: a client with a key gets that by asking again."""
    async with context.database.begin() as session:
        await record_answers(session, [told])
        await write_next(session, request_of(intent), AskedCommand.model_validate(intent.command).root, told)
        if intent.comment is not None:
            note_id = derived_id(COMMENTS, intent.command_id)
            note = NewNote(note_id, intent.ticket_id, intent.comment, about=intent.about)
            kind = AskedCommand.model_validate(intent.command).root.actor.kind
            author = Author(kind=kind, id=intent.agent_id, name=intent.agent_name)
            await add_note(session, Signature(author), note, utc_now())
        if not intent.is_keyed:
            await finish(session, intent.command_id)
    if intent.is_keyed:
        await release(context.database, intent.command_id, is_abandoned=intent.is_abandoned)


async def _note_silence(context: AppState, intent: Intent) -> bool:
    """Counts that this one ticket did not answer; True if its command is thereby given up."""
    if not await context.tickets.has_worker():
        return False
    if intent.silences + 1 >= MOST_SILENCES:
        log.error("intent.given_up", command_id=intent.command_id, ticket_id=str(intent.ticket_id))
        await drop(context.database, intent.command_id)
        return True
    async with context.database.begin() as session:
        counted = {"silences": Intent.silences + 1, "claimed_until": utc_now() + SILENT_FOR}
        await session.execute(update(Intent).where(Intent.command_id == intent.command_id).values(counted))
    return False
