"""New tickets are opened, and get their team, policy, priority and agent."""

from uuid import UUID

from services.assignment.commands.triage import decide, deliver, open_undecided
from services.assignment.context import AppState
from shared.contracts.events import Envelope, TicketSubmitted
from shared.kit.bus import Partly
from shared.kit.bus.consumer import is_away


async def on_tickets_submitted(context: AppState, batch: list[Envelope]) -> None:
    """Decides once per ticket and opens it; a redelivered event sends the stored decision again.

    Raises Partly for tickets whose workflow does not answer or refuses.
    """
    submitted = [TicketSubmitted.of(envelope) for envelope in batch]
    try:
        decisions = await decide(context, submitted)
    except Exception as error:
        if len(submitted) == 1 and not is_away(error):
            await open_undecided(context, submitted[0])
        raise
    failed = await deliver(context, submitted, decisions)
    if failed:
        raise Partly({one.id: failed[UUID(one.subject)] for one in batch if UUID(one.subject) in failed})
