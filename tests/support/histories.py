"""What the database keeps beside each event for the clocks, made here the way its generated column makes it."""

from collections.abc import Iterable
from typing import Any

from services.assignment.models.tickets import HEARD
from shared.contracts.events import EVENTS, Envelope

LEFT_OUT = {"ticket_id", "revision", "actor", "snapshot", "team_id", "message_id"}


def lines_of(envelopes: Iterable[Envelope]) -> list[tuple[str, dict[str, Any]]]:
    """The lines of one ticket.

    `tests/services/assignment/sla_analysis/test_what_if.py` compares them with the column's.
    """
    lines: list[tuple[str, dict[str, Any]]] = []
    for envelope in envelopes:
        name, data = EVENTS[envelope.type].event_name, dict(envelope.data)
        if name == "ticket.opened":
            snapshot: Any = data["snapshot"]
            lines.append((name, {"opened_at": snapshot["opened_at"], "priority": snapshot["priority"]}))
        elif name in HEARD:
            lines.append((name, {key: value for key, value in data.items() if key not in LEFT_OUT}))
    return lines
