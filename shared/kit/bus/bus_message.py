"""What is handed to the bus."""

from dataclasses import dataclass

from shared.contracts.events import Envelope
from shared.kit.tracing import traceparent_for


@dataclass(frozen=True, slots=True)
class BusMessage:
    """One message to publish; `id` is what JetStream deduplicates by."""

    id: str
    subject: str
    payload: bytes

    @classmethod
    def of(cls, envelope: Envelope) -> "BusMessage":
        """The message that carries an event."""
        parent = traceparent_for(envelope.subject)
        sent = envelope if parent is None else envelope.model_copy(update={"traceparent": parent})
        return cls(id=envelope.id, subject=envelope.nats_subject, payload=sent.model_dump_json().encode())
