"""What this service listens to: two durable consumers of the event stream."""

from datetime import timedelta
from functools import partial

from services.assignment.consumers.projection import SUBJECTS, project
from services.assignment.consumers.triage import on_tickets_opened
from services.assignment.context import AppState
from shared.contracts.events import TicketOpened
from shared.kit.bus import LINGER_SECONDS, Consumer
from shared.kit.requester_ids import RequesterIds

PROJECTION = "assignment"
TRIAGE = "assignment-triage"
TRIAGE_PATIENCE = timedelta(hours=1)
"""How long a ticket whose workflow does not answer waits before its opening is a dead letter."""


def build_consumers(context: AppState) -> tuple[Consumer, ...]:
    """The read model's and triage's consumers."""
    return (
        Consumer(
            PROJECTION,
            SUBJECTS,
            partial(project, context.database, RequesterIds(context.settings), PROJECTION),
            batch=200,
            linger=LINGER_SECONDS,
        ),
        Consumer(TRIAGE, (TicketOpened.subjects(),), partial(on_tickets_opened, context), 50, TRIAGE_PATIENCE),
    )
