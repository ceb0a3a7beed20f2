"""Mixed load through all doors; what each hands in carries a marker, and is written down before it is sent."""

import asyncio
import random
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiosmtplib
import httpx2

from shared.kit.clock import new_id
from tests.chaos.run.observations import Attempt, AttemptKind
from tests.support.api import Api, SystemClients

MARKER = re.compile(r"mk[0-9a-f]{16}")
SHORTEST_PAUSE, LONGEST_PAUSE = 0.05, 0.4
KEPT = 200
"""Tickets that are worked on further."""


def new_marker() -> str:
    """Words that nothing else carries."""
    return f"mk{new_id().hex[-16:]}"


class KnownTicket:
    """A ticket that was acknowledged, and what its requester needs to go on."""

    def __init__(self, attempt: Attempt, access_url: str, number: str) -> None:
        self.id, self.email = attempt.ticket_id, attempt.email
        self.access_url, self.number = access_url, number
        self.is_taken = False
        """Whether a command is on its way, or may have been lost on it."""
        self.priority = self.status = ""


class Load:
    """Clients that go on until told to stop; each does one thing after the other."""

    mails_at_once = 8
    """Mails that may be on their way to the server at one time."""

    def __init__(self, system: SystemClients, alert_key: str, stranger_key: str, seed: int) -> None:
        self.system, self.stranger_key = system, stranger_key
        self.mail_in_port: int = system.description["ports"]["mail_in"]
        self.alerts = Api(system.intake.base_url, alert_key)
        self.dice = random.Random(seed)
        self.attempts: list[Attempt] = []
        self.tickets: list[KnownTicket] = []
        self.done = Counter[str]()
        self.surprises = Counter[str]()
        self.refused = 0
        """Answers that said no for now, and connections that broke, where nothing tried again for us."""
        self.in_flight = 0
        self.slowest = 0.0
        self._stopping = asyncio.Event()

    async def run(self, clients: dict[str, Callable[[], Awaitable[None]]]) -> None:
        """Until `stop`; whatever is under way then comes to its end."""
        async with asyncio.TaskGroup() as group:
            for name, act in clients.items():
                group.create_task(self._go_on(name, act))

    def stop(self) -> None:
        """No client begins anything new."""
        self._stopping.set()

    async def _go_on(self, name: str, act: Callable[[], Awaitable[None]]) -> None:
        while not self._stopping.is_set():
            began = time.monotonic()
            self.in_flight += 1
            try:
                await act()
                self.done[name] += 1
            except (httpx2.TransportError, aiosmtplib.SMTPException, OSError, TimeoutError):
                self.refused += 1
            except AssertionError as problem:
                self.refused += 1
                self.surprises[f"{name}: {MARKER.sub('...', str(problem))[:160]}"] += 1
            finally:
                self.in_flight -= 1
                self.slowest = max(self.slowest, time.monotonic() - began)
            await asyncio.sleep(self.dice.uniform(SHORTEST_PAUSE, LONGEST_PAUSE))

    @asynccontextmanager
    async def attempt(
        self, kind: AttemptKind, door: str, *, ticket_id: str = "", email: str = "", action: str = ""
    ) -> AsyncIterator[Attempt]:
        """One thing that is handed in: acknowledged if the block ends without an error."""
        one = Attempt(new_marker(), kind, door, ticket_id, email, action)
        self.attempts.append(one)
        yield one
        one.is_acknowledged = True

    def opened(self, one: Attempt, access_url: str = "", number: str = "") -> None:
        """A ticket that others may go on with."""
        self.tickets.append(KnownTicket(one, access_url, number))
        if len(self.tickets) > KEPT:
            self.tickets.pop(0)

    def any_ticket(self, *, has_page: bool = False) -> KnownTicket | None:
        """One of those that are known, if there is one."""
        known = [one for one in self.tickets if one.access_url] if has_page else self.tickets
        return self.dice.choice(known) if known else None
