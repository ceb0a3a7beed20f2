"""Undoable replies: stored, sent when the undo time has passed, or returned to the draft.

Whoever sends one gives the reply the id that its key names, so that a crash in between never makes two. Whether it is
out is told by its message alone: once that is stored, its words never return to the draft.
"""

import asyncio
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from services.assignment.app_state import AppState
from services.assignment.commands.action_registry import ACTIONS, do
from services.assignment.commands.conversation.agent_files import check_files
from services.assignment.commands.conversation.drafts import DraftOwner, find_drafts, forget_draft, put_draft
from services.assignment.commands.execution.command_request import CommandRequest, check_revision, message_id_of
from services.assignment.commands.execution.notes import COMMENTS
from services.assignment.errors import agents_only
from services.assignment.models import HeldReply, Message
from services.assignment.queries.access.callers import Caller, find_agent_caller
from services.assignment.queries.ticket_page.held_replies import held_view
from services.assignment.queries.ticket_page.tickets import get_ticket
from services.assignment.schemas.actions import MessageInput
from services.assignment.schemas.composing import DraftInput, HeldReplyInput, HeldReplyView
from shared.contracts.base import AgentId, TicketId
from shared.contracts.vocabulary import BodyFormat, Channel, Permission
from shared.domain.errors import Refusal, TicketArchivedError
from shared.kit.clock import derived_id, new_id, utc_now
from shared.kit.db import Session
from shared.kit.http.app import canonical
from shared.kit.http.body_check import check_body
from shared.kit.http.error_handlers import from_exception
from shared.kit.http.idempotency import IN_FLIGHT, fingerprint
from shared.kit.http.problems import Problem, not_found
from shared.kit.leases import kept_lease
from shared.kit.telemetry import log
from shared.kit.ticket_errors import TicketsUnavailable
from shared.kit.tickets import command_id as command_id_of
from shared.kit.unexpected_errors import OUR_FAULT, log_unexpected

LEASE = timedelta(seconds=9)
"""How long after a crash others take over a reply that was being sent; a sender that lives renews it."""
AGAIN = timedelta(seconds=30)
"""When a reply that could not be sent is tried again."""
SOON = timedelta(seconds=2)
"""When it is looked at again while another process, or one that has just died, has its command under way."""
SWEEP_SECONDS = 8.0
"""The longest that a reply waits which another process held and left behind."""
LOCKED_SECONDS = 0.01
"""A pause for replies that are due but locked by another process, which is about to send them."""
ROUTE = "replies"
"""As a reply that is sent at once: the same key makes the same message, whichever way it takes."""
AT_ONCE = 20
MOST_TRIES = 20


@dataclass(frozen=True, slots=True)
class HoldOutcome:
    """What became of a reply: on its way, or sent already because the same form came before."""

    held: HeldReplyView | None

    @property
    def is_sent(self) -> bool:
        """Whether it went out before."""
        return self.held is None


async def hold_reply(context: AppState, call: CommandRequest, body: HeldReplyInput, seconds: float) -> HoldOutcome:
    """Writes a reply down and sends it `seconds` from now. The same key holds it once, and it is sent once.

    Raises VersionConflict, TicketArchivedError, Problem 403, 404 and 422.
    """
    await check_body(context.renderer, body.body, body.body_format)
    if not call.caller.is_person:
        raise agents_only()
    now = utc_now()
    call = replace(call, route=ROUTE, key=call.key or str(new_id()))
    async with context.database.begin() as session:
        found = await get_ticket(session, call.caller, call.reference)
        found.require(Permission.TICKET_REPLY)
        command_id = call.command_id(found.ticket)
        if await session.get(Message, message_id_of(command_id)) is not None:
            return HoldOutcome(None)
        held_id = derived_id(COMMENTS, f"held:{command_id}")
        if (known := await session.get(HeldReply, held_id)) is not None:
            return HoldOutcome(held_view(known, call.caller.name))
        check_revision(found.ticket, call.expected_revision)
        if found.ticket.is_archived:
            raise TicketArchivedError("the ticket is archived; open a follow-up instead")
        await check_files(session, call.caller.agent_id, body.attachments)
        row = HeldReply(
            id=held_id,
            ticket_id=found.ticket.id,
            agent_id=call.caller.agent_id,
            key=call.key,
            channel=call.caller.channel.value,
            body=body.body,
            body_format=body.body_format.value,
            attachments=[str(one) for one in body.attachments],
            following=body.then,
            held_at=now,
            send_at=now + timedelta(seconds=seconds),
            tries=0,
        )
        await _insert(session, row)
        await forget_draft(session, DraftOwner(call.caller.agent_id, found.ticket.id), "reply")
    context.held_replies.set()
    return HoldOutcome(held_view(row, call.caller.name))


async def _insert(session: Session, row: HeldReply) -> None:
    values = {column.name: getattr(row, column.name) for column in HeldReply.__table__.columns}
    await session.execute(insert(HeldReply).values(values).on_conflict_do_nothing())


async def cancel_reply(context: AppState, caller: Caller, reference: str, held_id: UUID) -> HeldReplyView:
    """Takes a reply back: its words are the draft again. Raises Problem 404, and 409 once it goes out.

    The row decides: who deletes it first, or claims it first, wins.
    """
    now = utc_now()
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, reference)
        mine = (HeldReply.id == held_id, HeldReply.agent_id == caller.agent_id, HeldReply.ticket_id == found.ticket.id)
        query = delete(HeldReply).where(*mine, HeldReply.send_at > now, HeldReply.tries == 0).returning(HeldReply)
        row = await session.scalar(query)
        if row is None:
            if await session.scalar(select(HeldReply.id).where(*mine)) is None:
                raise not_found("reply that can be taken back")
            raise Problem(409, "reply_going_out", "the reply is going out at this moment and cannot be taken back")
        await _back_to_draft(session, row, now)
        return held_view(row, caller.name)


async def _back_to_draft(session: Session, row: HeldReply, now: datetime, remark: str = "") -> None:
    """The words as they were; what was begun since stands below them."""
    owner = DraftOwner(row.agent_id, row.ticket_id)
    newer = (await find_drafts(session, owner)).get("reply")
    body = f"{row.body}\n\n{newer.body}" if newer and newer.body else row.body
    files = [UUID(one) for one in row.attachments] + list(newer.attachments if newer else ())
    draft = DraftInput.model_construct(
        kind="reply", body=body, body_format=BodyFormat(row.body_format), attachments=tuple(dict.fromkeys(files))
    )
    await put_draft(session, owner, draft, now, remark)


async def send_held_replies(context: AppState) -> None:
    """For ever: sends each held reply when its time has come."""
    while True:
        context.held_replies.clear()
        if seconds := await _wait_seconds(context):
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await context.held_replies.wait()
        else:
            while await send_due(context):
                pass
            await asyncio.sleep(LOCKED_SECONDS)


async def _wait_seconds(context: AppState) -> float:
    """Until the next one is due; 0 if one is."""
    async with context.database.single() as connection:
        next_at: datetime | None = await connection.scalar(select(func.min(HeldReply.send_at)))
    if next_at is None:
        return SWEEP_SECONDS
    return min(max((next_at - utc_now()).total_seconds(), 0.0), SWEEP_SECONDS)


async def send_due(context: AppState) -> int:
    """Sends those whose time has come; returns how many there were."""
    rows = await _claimed(context)
    under_way = {row.id for row in rows}
    async with kept_lease(LEASE, lambda: _renew(context, under_way)):
        for row in rows:
            try:
                await _send(context, row)
            except Exception as error:  # noqa: BLE001 - the others go on
                await _note_failure(context, row, error)
            under_way.discard(row.id)
    return len(rows)


async def _note_failure(context: AppState, row: HeldReply, error: Exception) -> None:
    """Has a reply that failed unexpectedly tried again, and in the end given back: it holds up no other."""
    log_unexpected(error, "held_reply.failed", ticket_id=str(row.ticket_id))
    if row.tries < MOST_TRIES:
        await _put_off(context, row, AGAIN, error)
    else:
        await _end(context, row, given_back=f"It could not be sent: {OUR_FAULT}.")


async def _renew(context: AppState, ids: Collection[UUID]) -> None:
    renewed = update(HeldReply).where(HeldReply.id.in_(list(ids))).values(send_at=utc_now() + LEASE)
    async with context.database.begin() as session:
        await session.execute(renewed.execution_options(synchronize_session=False))


async def _claimed(context: AppState) -> Sequence[HeldReply]:
    now = utc_now()
    query = (
        select(HeldReply)
        .where(HeldReply.send_at <= now)
        .order_by(HeldReply.send_at)
        .limit(AT_ONCE)
        .with_for_update(skip_locked=True)
    )
    async with context.database.begin() as session:
        rows = (await session.scalars(query)).all()
        ids = [row.id for row in rows]
        if ids:
            leased = {"send_at": now + LEASE, "tries": HeldReply.tries + 1}
            await session.execute(
                update(HeldReply)
                .where(HeldReply.id.in_(ids))
                .values(leased)
                .execution_options(synchronize_session=False)
            )
        session.expunge_all()
    return rows


async def _send(context: AppState, row: HeldReply) -> None:
    """Sends one, or gives it back to its writer's draft with the reason."""
    caller = await find_agent_caller(context.database, AgentId(row.agent_id), Channel(row.channel))
    if caller is None:
        await _end(context, row, given_back="You were not an active agent any more.")
        return
    files = tuple(UUID(one) for one in row.attachments)
    body = MessageInput.model_construct(
        comment=None, body=row.body, body_format=BodyFormat(row.body_format), attachments=files
    )
    given_back = remark = ""
    try:
        await do(context, _call(caller, row, ROUTE), body)
    except TicketsUnavailable as error:
        if row.tries < MOST_TRIES:
            await _put_off(context, row, AGAIN, error)
            return
        given_back = "It could not be sent; the system was too busy."
    except (Refusal, Problem) as error:
        if _is_under_way(error) and row.tries < MOST_TRIES:
            await _put_off(context, row, SOON, error)
            return
        given_back = f"Not sent: {from_exception(error).detail}."
    if row.following and (not given_back or await _is_out(context, row)):
        try:
            await do(context, _call(caller, row, row.following), ACTIONS[row.following].body())
        except (Refusal, TicketsUnavailable, Problem) as error:
            if _is_under_way(error) and row.tries < MOST_TRIES:
                await _put_off(context, row, SOON, error)
                return
            remark = f"Your reply was sent, but the next step did not work: {from_exception(error).detail}."
    await _end(context, row, given_back=given_back, remark=remark)


def _is_under_way(error: Exception) -> bool:
    """Whether the same command is being sent by somebody else: what comes of it is known in a moment."""
    return isinstance(error, Problem) and error.code == IN_FLIGHT


async def _put_off(context: AppState, row: HeldReply, pause: timedelta, error: Exception) -> None:
    log.warning("held_reply.later", ticket_id=str(row.ticket_id), error=repr(error))
    later = update(HeldReply).where(HeldReply.id == row.id).values(send_at=utc_now() + pause)
    async with context.database.begin() as session:
        await session.execute(later.execution_options(synchronize_session=False))


async def _is_out(context: AppState, row: HeldReply) -> bool:
    """Whether its message is stored, and so announced, whatever was answered since."""
    async with context.database.begin() as session:
        return await session.get(Message, _message_id(row)) is not None


async def _end(context: AppState, row: HeldReply, *, given_back: str = "", remark: str = "") -> None:
    """Forgets a held reply. With a reason in `given_back` its words return to the draft, unless they are out."""
    now, owner = utc_now(), DraftOwner(row.agent_id, row.ticket_id)
    async with context.database.begin() as session:
        gone = await session.scalar(delete(HeldReply).where(HeldReply.id == row.id).returning(HeldReply.id))
        if gone is None:
            return
        if given_back and await session.get(Message, _message_id(row)) is None:
            await _back_to_draft(session, row, now, given_back)
            log.warning("held_reply.given_back", ticket_id=str(row.ticket_id), agent_id=str(row.agent_id))
        elif remark and "reply" not in await find_drafts(session, owner):
            empty = DraftInput.model_construct(kind="reply", body="", body_format=BodyFormat.MARKDOWN, attachments=())
            await put_draft(session, owner, empty, now, remark)


def _message_id(row: HeldReply) -> UUID:
    """The id of the message that the reply becomes."""
    return message_id_of(command_id_of(str(row.agent_id), ROUTE, TicketId(row.ticket_id), row.key))


def _call(caller: Caller, row: HeldReply, route: str) -> CommandRequest:
    return CommandRequest(
        caller=caller,
        reference=str(row.ticket_id),
        route=route,
        key=row.key,
        expected_revision=None,
        request_hash=fingerprint(canonical({"held": str(row.id)})),
        following=row.following,
    )
