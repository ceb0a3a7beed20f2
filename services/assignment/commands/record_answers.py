"""The answers of ticket workflows, written down: the sender of a command owns the events of its answer."""

from collections.abc import Sequence

from services.assignment.app_state import AppState
from services.assignment.commands.projection import LifecycleRows, project_lifecycle
from shared.contracts.answers import CommandAnswer
from shared.kit.db import Session


async def record_answers(context: AppState, session: Session, answers: Sequence[CommandAnswer]) -> None:
    """Stores the events in the log, announces them, and brings the read model up to date, in the caller's transaction.

    An answer that comes twice changes nothing the second time. The caller wakes the relay after its commit.
    """
    rows = LifecycleRows.of(answers)
    await project_lifecycle(session, rows)
    context.own_events.add(row["event_id"] for row in rows.log)
