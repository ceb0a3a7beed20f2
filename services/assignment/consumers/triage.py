"""New tickets are opened, and get their team, policy, priority and agent."""

import asyncio
from uuid import UUID

from sqlalchemy import select

from services.assignment.app_state import AppState
from services.assignment.commands.tickets.triage import decide, deliver, open_undecided
from services.assignment.models import Topic
from shared.contracts.events import Envelope, TicketSubmitted
from shared.kit.bus import PartialFailure
from shared.kit.bus.consumer import is_away

WAIT_AT_MOST_SECONDS = 5.0
LOOK_EVERY_SECONDS = 0.05


async def on_tickets_submitted(context: AppState, batch: list[Envelope]) -> None:
    """Decides once per ticket and opens it; a redelivered event sends the stored decision again.

    Raises PartialFailure for tickets whose workflow does not answer or refuses.
    """
    submitted = [TicketSubmitted.of(envelope) for envelope in batch]
    await until_topics_are_known(context, {event.topic_id for event in submitted if event.topic_id})
    try:
        decisions = await decide(context, submitted)
    except Exception as error:
        if len(submitted) == 1 and not is_away(error):
            await open_undecided(context, submitted[0])
        raise
    failed = await deliver(context, submitted, decisions)
    if failed:
        raise PartialFailure({one.id: failed[UUID(one.subject)] for one in batch if UUID(one.subject) in failed})


async def until_topics_are_known(context: AppState, topic_ids: set[UUID]) -> None:
    """Rules name topics by their slugs. A topic as new as its first ticket is on its way; waits, but not for ever."""
    deadline = asyncio.get_running_loop().time() + WAIT_AT_MOST_SECONDS
    while unknown := topic_ids - context.known_topics:
        async with context.database.single() as connection:
            context.known_topics.update(await connection.scalars(select(Topic.id).where(Topic.id.in_(unknown))))
        if topic_ids <= context.known_topics or asyncio.get_running_loop().time() >= deadline:
            return
        await asyncio.sleep(LOOK_EVERY_SECONDS)
