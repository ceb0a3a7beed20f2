"""What a ticket's workflow answers: the ticket as it then is, and the events that its sender now announces."""

from typing import Any

from pydantic import model_validator

from shared.contracts.base import WireModel
from shared.contracts.events.base import Envelope
from shared.contracts.tickets import TicketSnapshot


class CommandAnswer(WireModel):
    """The answer to a command or a message: the same each time its id is sent again."""

    snapshot: TicketSnapshot
    events: tuple[Envelope, ...] = ()
    """What nobody else announces: the caller stores and publishes them. Empty if the workflow publishes them itself."""

    @model_validator(mode="before")
    @classmethod
    def _from_snapshot(cls, value: Any) -> Any:
        """Older code answered, and remembered, the snapshot alone."""
        return {"snapshot": value} if isinstance(value, dict) and "snapshot" not in value else value
