"""New tickets get their team, policy, priority and agent."""

from services.assignment.commands.triage import decide, deliver
from services.assignment.context import Context
from shared.contracts.events import Envelope, TicketOpened


async def on_tickets_opened(context: Context, batch: list[Envelope]) -> None:
    """Decides once per ticket and tells its workflow; a redelivered event sends the stored decision again."""
    decisions = await decide(context, [TicketOpened.of(envelope) for envelope in batch])
    await deliver(context, decisions)
