"""The service's two durable consumers."""

from datetime import timedelta
from functools import partial

from services.assignment.app_state import AppState
from services.assignment.consumers.projection import SUBJECTS, project
from services.assignment.consumers.triage import on_tickets_submitted
from shared.contracts.events import Envelope, TicketSubmitted
from shared.kit.bus import LINGER_SECONDS, Consumer
from shared.kit.requester_ids import RequesterIds

PROJECTION = "assignment"
TRIAGE = "assignment-opening"
"""A consumer of its own name: older code read other events under another, and had passed the submissions by."""
FORMER_TRIAGE = "assignment-triage"
TRIAGE_PATIENCE = timedelta(hours=1)
"""How long a ticket whose workflow does not answer waits before its opening is a dead letter."""


def build_consumers(context: AppState) -> tuple[Consumer, ...]:
    """Returns the consumers of the read model and of triage."""
    ids = RequesterIds(context.settings)

    async def handle_batch(events: list[Envelope]) -> None:
        async with context.projection_lag.projecting(events):
            await project(context.database, ids, PROJECTION, events)
        context.returns.wake()
        context.backlog.wake()

    return (
        Consumer(
            PROJECTION,
            SUBJECTS,
            handle_batch,
            batch=200,
            linger=LINGER_SECONDS,
            is_own=context.relay.has_applied,
        ),
        Consumer(
            TRIAGE,
            (TicketSubmitted.subjects(),),
            partial(on_tickets_submitted, context),
            50,
            TRIAGE_PATIENCE,
            replaces=FORMER_TRIAGE,
        ),
    )
