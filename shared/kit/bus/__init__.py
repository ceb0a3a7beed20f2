"""NATS JetStream: one stream of events, durable consumers, dead letters."""

from shared.kit.bus.connection import Bus, BusUnavailable
from shared.kit.bus.consumer import Consumer, NotYet, Partly, Unavailable, run_consumer
from shared.kit.bus.dead_letters import DeadLetter, DeadLetters
from shared.kit.bus.erasing import StreamEraser
from shared.kit.bus.outgoing import Outgoing

__all__ = [
    "Bus",
    "BusUnavailable",
    "Consumer",
    "DeadLetter",
    "DeadLetters",
    "NotYet",
    "Outgoing",
    "Partly",
    "StreamEraser",
    "Unavailable",
    "run_consumer",
]
