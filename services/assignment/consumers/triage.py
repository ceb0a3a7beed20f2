"""New tickets get their team, policy, priority and agent."""

import asyncio
from uuid import UUID

from sqlalchemy import func, select

from services.assignment.commands.triage import decide, deliver
from services.assignment.context import AppState
from services.assignment.models import Ticket
from shared.contracts.events import Envelope, TicketOpened
from shared.contracts.vocabulary import Priority
from shared.kit.bus import Partly

WAIT_AT_MOST_SECONDS = 5.0
LOOK_EVERY_SECONDS = 0.05


async def on_tickets_opened(context: AppState, batch: list[Envelope]) -> None:
    """Decides once per ticket and tells its workflow; a redelivered event sends the stored decision again.

    Raises Partly for tickets whose workflow does not answer or refuses.
    """
    opened = [TicketOpened.of(envelope) for envelope in batch]
    await until_submissions_are_known(context, opened)
    failed = await deliver(context, await decide(context, opened))
    if failed:
        raise Partly({one.id: failed[UUID(one.subject)] for one in batch if UUID(one.subject) in failed})


async def until_submissions_are_known(context: AppState, opened: list[TicketOpened]) -> None:
    """Only the submission tells a priority asked for from the usual one. It is on its way; waits, but not for ever."""
    unsure = {event.ticket_id for event in opened if event.snapshot.priority is Priority.NORMAL}
    deadline = asyncio.get_running_loop().time() + WAIT_AT_MOST_SECONDS
    known = select(func.count()).select_from(Ticket).where(Ticket.id.in_(unsure), Ticket.subject != "")
    while unsure:
        async with context.database.connection() as connection:
            if await connection.scalar(known) == len(unsure):
                return
        if asyncio.get_running_loop().time() >= deadline:
            return
        await asyncio.sleep(LOOK_EVERY_SECONDS)
