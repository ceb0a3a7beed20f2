"""An outbox row as the process that committed it hands it to its relay."""

from typing import NamedTuple

ANNOUNCED = "announced"
"""Where a session keeps the outbox rows its transaction has written, until it commits."""


class OutboxRow(NamedTuple):
    """A row with its id."""

    id: int
    event_id: str
    subject: str
    envelope: bytes
    is_applied: bool = False
    """Whether its transaction held all that the service's own consumer would do on hearing of it."""
