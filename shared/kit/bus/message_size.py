"""How large one event may be: what a message of the server holds, headers included."""

from collections.abc import Mapping
from dataclasses import dataclass

MOST_EVENT_BYTES = 960 * 1024
"""Of one event in JSON: a server takes 1 MiB in one message, unless it is told otherwise."""
HEADERS_BYTES = 8 * 1024
"""Kept free for headers: its own, and those that a dead letter gets."""
_VERSION_LINE = len("NATS/1.0\r\n\r\n")


@dataclass
class EventSize:
    """The limit that this process knows of; smaller once a server has said that it takes less."""

    most: int = MOST_EVENT_BYTES

    def note_server(self, max_payload: int) -> bool:
        """Takes over what a server says that it takes; returns whether events of every allowed size fit."""
        self.most = max(0, min(MOST_EVENT_BYTES, max_payload - HEADERS_BYTES))
        return self.most == MOST_EVENT_BYTES


EVENT_SIZE = EventSize()
"""One for the process, which has one bus."""


def size_of(payload: bytes, headers: Mapping[str, str]) -> int:
    """Bytes of a message as the server counts them against its `max_payload`."""
    return len(payload) + _VERSION_LINE + sum(len(f"{name}: {value}\r\n".encode()) for name, value in headers.items())
