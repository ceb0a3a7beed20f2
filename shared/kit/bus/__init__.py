"""NATS JetStream: one stream of events, durable consumers, dead letters."""

from shared.kit.bus.connection import Bus, BusUnavailable, Outgoing
from shared.kit.bus.consumer import Consumer, NotYet, Unavailable, run_consumer
from shared.kit.bus.dead_letters import DeadLetter, DeadLetters

__all__ = [
    "Bus",
    "BusUnavailable",
    "Consumer",
    "DeadLetter",
    "DeadLetters",
    "NotYet",
    "Outgoing",
    "Unavailable",
    "run_consumer",
]
