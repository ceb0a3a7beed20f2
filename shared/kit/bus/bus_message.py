"""What is handed to the bus."""

from dataclasses import dataclass

from shared.contracts.events import Envelope


@dataclass(frozen=True, slots=True)
class BusMessage:
    """One message to publish; `id` is what JetStream deduplicates by."""

    id: str
    subject: str
    payload: bytes

    @classmethod
    def of(cls, envelope: Envelope) -> "BusMessage":
        """The message that carries an event."""
        return cls(id=envelope.id, subject=envelope.nats_subject, payload=envelope.model_dump_json().encode())
