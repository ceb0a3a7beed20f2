"""NATS JetStream: one stream of events, durable consumers, dead letters."""

from shared.kit.bus.bus_message import BusMessage
from shared.kit.bus.connection import Bus, BusUnavailable
from shared.kit.bus.consumer import LINGER_SECONDS, Consumer, NotYet, PartialFailure, Unavailable, run_consumer
from shared.kit.bus.dead_letters import DeadLetter, DeadLetters
from shared.kit.bus.stream_eraser import StreamEraser

__all__ = [
    "LINGER_SECONDS",
    "Bus",
    "BusMessage",
    "BusUnavailable",
    "Consumer",
    "DeadLetter",
    "DeadLetters",
    "NotYet",
    "PartialFailure",
    "StreamEraser",
    "Unavailable",
    "run_consumer",
]
