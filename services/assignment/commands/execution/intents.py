"""A command is written down before it is sent: no transaction is open meanwhile, and no crash loses it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, update
from sqlalchemy.dialects.postgresql import insert

from services.assignment.models import Intent, table_of
from shared.contracts.commands import AskedCommand, Command
from shared.kit.clock import utc_now
from shared.kit.commands_under_way import CommandsUnderWay
from shared.kit.db import Database, Session, lock_in_order
from shared.kit.http.idempotency import in_flight, key_reused
from shared.kit.outages import unless_away

LEASE = timedelta(seconds=8)
"""How long a command is its sender's alone; a sender that lives renews it, and after that it has died."""
BEATS = 3
WRITE = insert(table_of(Intent)).on_conflict_do_nothing().returning(Intent.command_id)
SETTLED_AFTER = timedelta(seconds=10)
"""After this no request of a sender that gave up can still be on its way to Temporal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentRequest:
    """Who asks for a command, and how a retry is told from another request."""

    command_id: str
    ticket_id: UUID
    request_hash: bytes
    is_keyed: bool
    """Whether the client can send it again, and is to get the same answer then."""
    agent_id: UUID
    agent_name: str
    about: str
    comment: str | None = None
    """Noted once the command has taken effect."""


async def claim(
    session: Session, wanted: IntentRequest, build: Callable[[], Awaitable[Command]], *, may_exist: bool = True
) -> Command:
    """The command to send: as it was first sent, or else built now, written down in this transaction.

    Raises Problem 409 while somebody else sends it, 422 if the key was used for another request.
    """
    now = utc_now()
    intent = await session.get(Intent, wanted.command_id, with_for_update=True) if may_exist else None
    if intent is not None:
        if intent.request_hash != wanted.request_hash:
            raise key_reused()
        if not intent.is_abandoned and intent.claimed_until is not None and intent.claimed_until > now:
            raise in_flight()
        intent.claimed_until, intent.is_abandoned = now + LEASE, False
        return AskedCommand.model_validate(intent.command).root
    command = await build()
    if not await write(session, wanted, command):
        raise in_flight()
    return command


async def write(session: Session, wanted: IntentRequest, command: Command) -> bool:
    """Writes a command down. False if it has been written down before, or by somebody else at the same time."""
    return await session.scalar(WRITE, row_of(wanted, command)) is not None


def row_of(wanted: IntentRequest, command: Command) -> dict[str, Any]:
    """The row of a command that is about to be sent."""
    now = utc_now()
    return {
        "command_id": wanted.command_id,
        "ticket_id": wanted.ticket_id,
        "request_hash": wanted.request_hash,
        "command": command.model_dump(mode="json"),
        "is_keyed": wanted.is_keyed,
        "agent_id": wanted.agent_id,
        "agent_name": wanted.agent_name,
        "about": wanted.about,
        "comment": wanted.comment,
        "created_at": now,
        "claimed_until": now + LEASE,
        "silences": 0,
    }


async def finish(session: Session, command_id: str) -> None:
    """Ends an intent in the transaction of its answer, or because it was refused and can have no effect."""
    await session.execute(delete(Intent).where(Intent.command_id == command_id))


async def drop(database: Database, command_id: str) -> None:
    """Ends an intent on its own."""
    async with database.begin() as session:
        await finish(session, command_id)


async def release(database: Database, command_id: str, *, is_abandoned: bool = False) -> None:
    """Nobody sends it any more: a retry with the same key sends it as it is; without a key there can be none.

    `is_abandoned`: only if no retry has taken it up since it was given up.
    """
    this_one = (Intent.command_id == command_id, Intent.is_abandoned.is_(is_abandoned))
    async with database.begin() as session:
        await session.execute(delete(Intent).where(*this_one, ~Intent.is_keyed))
        await session.execute(update(Intent).where(*this_one).values(claimed_until=None, is_abandoned=False))


async def abandon(database: Database, command_id: str) -> None:
    """The client hears that it may try again, though the command may have taken effect: that is found out later."""
    values = {"is_abandoned": True, "claimed_until": utc_now() + SETTLED_AFTER}
    async with database.begin() as session:
        await session.execute(update(Intent).where(Intent.command_id == command_id).values(values))


async def hand_over(session: Session, command_id: str) -> None:
    """It is answered for already, and sent until the workflow takes it."""
    values = {"is_keyed": False, "claimed_until": utc_now()}
    await session.execute(update(Intent).where(Intent.command_id == command_id).values(values))


async def renew_leases(database: Database, under_way: CommandsUnderWay) -> None:
    """For ever: renews the leases of this process's commands that wait long for their answer."""
    beat = LEASE.total_seconds() / BEATS
    while True:
        await asyncio.sleep(beat)
        if slow := under_way.longer_than(beat):
            with unless_away():
                await _renew(database, slow)


async def _renew(database: Database, command_ids: Sequence[str]) -> None:
    until = func.greatest(Intent.claimed_until, utc_now() + LEASE)
    sent = (Intent.command_id.in_(command_ids), Intent.claimed_until.is_not(None), Intent.is_abandoned.is_(False))
    async with database.begin() as session:
        locked = await lock_in_order(session, Intent.command_id, *sent, skip_locked=True)
        await session.execute(update(Intent).where(Intent.command_id.in_(locked)).values(claimed_until=until))


async def forget_older_than(session: Session, age: timedelta) -> None:
    """Deletes intents that no client will send again, and we neither."""
    await session.execute(delete(Intent).where(Intent.created_at < utc_now() - age, Intent.claimed_until.is_(None)))
