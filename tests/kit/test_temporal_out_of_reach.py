"""A Temporal whose machine is gone takes no connection and refuses none: whoever asks is told in time all the same."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest

from shared.kit.settings import ServiceSettings
from shared.kit.ticket_errors import TicketsUnavailable
from shared.kit.tickets import Tickets
from tests.support.black_hole import HOST, black_hole
from tests.support.tickets import MONDAY, TICKET, message, opening, triage

TOLD_WITHIN = 10.0
"""The client gives up after seven seconds; the rest is for a machine that is busy."""
WAITING = 4
"""Connections that fill the shortest queue a listener can have."""


@contextmanager
def nobody_takes_connections(port: int) -> Iterator[None]:
    """Whoever connects waits, as for an address that no machine has any more."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(WAITING)]
        try:
            for one in waiting:
                one.setblocking(False)
                one.connect_ex((HOST, port))
            yield
        finally:
            for one in waiting:
                one.close()


@pytest.fixture
async def out_of_reach(kit_settings: ServiceSettings) -> AsyncIterator[Tickets]:
    """A client that was connected before Temporal's machine went."""
    async with black_hole(f"tcp://{kit_settings.temporal_address}") as way:
        settings = kit_settings.model_copy(update={"temporal_address": f"{HOST}:{way.port}"})
        tickets = await Tickets.connect(settings)
        await tickets.ping()
    with nobody_takes_connections(way.port):
        yield tickets


ASKED: dict[str, Callable[[Tickets], Awaitable[object]]] = {
    "is it there": lambda tickets: tickets.ping(),
    "a command": lambda tickets: tickets.execute(TICKET, triage()),
    "a message": lambda tickets: tickets.record_message(TICKET, message("hello", MONDAY)),
    "a new ticket": lambda tickets: tickets.start(opening()),
    "a new ticket with a command": lambda tickets: tickets.open_and_execute(opening(), triage()),
    "an earlier answer": lambda tickets: tickets.find_answer(TICKET, "one"),
}


@pytest.mark.parametrize("asked", ASKED)
async def test_who_asks_is_told_in_time(out_of_reach: Tickets, asked: str) -> None:
    async with asyncio.timeout(TOLD_WITHIN):
        with pytest.raises(TicketsUnavailable):
            await ASKED[asked](out_of_reach)
