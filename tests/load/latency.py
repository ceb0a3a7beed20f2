"""How long an agent waits, one command at a time, beside what the bare Update of the same workflow takes."""

import asyncio
import time
from collections.abc import Awaitable
from typing import TypeVar

from temporalio.client import Client

from shared.contracts.base import TicketId
from shared.contracts.commands import OpenTicket, PrioritiseTicket, TriageTicket
from shared.contracts.tickets import Actor
from shared.contracts.vocabulary import ActorKind, Priority
from shared.kit.clock import new_id, utc_now
from shared.kit.tickets import Tickets
from tests.load.lives import AGENT, TEAM, a_policy
from tests.load.report import Budget, Cell, Table
from tests.load.whole_lives import REPLY, WholeLife

Result = TypeVar("Result")
GAP = 0.2
"""Seconds between two commands: each meets a system that has finished with the one before."""
COMMANDS = ("release", "claim", "reply", "resolve", "close")
"""Those that change the ticket; a note does not."""
SHARES = (0.5, 0.95)
BARE = "bare Update"
P50_LIMIT, P95_LIMIT, ASSIGNED_LIMIT = 1.6, 3.0, 110.0


class Latencies:
    """Milliseconds by kind of step."""

    def __init__(self) -> None:
        self.taken: dict[str, list[float]] = {}

    async def time(self, kind: str, step: Awaitable[Result]) -> Result:
        """Does the step, and notes how long it took."""
        started = time.perf_counter()
        result = await step
        self.taken.setdefault(kind, []).append((time.perf_counter() - started) * 1000)
        await asyncio.sleep(GAP)
        return result

    def at(self, share: float, *kinds: str) -> float:
        """The quantile of these kinds together."""
        values = sorted(value for kind in kinds for value in self.taken[kind])
        return values[min(len(values) - 1, int(len(values) * share))]

    def table(self, past: "Latencies") -> Table:
        """Each kind of step, present and past."""

        def of(kind: str) -> list[Cell]:
            both = (found for found in (self, past) for _ in SHARES)
            cells = zip(both, SHARES * 2, strict=True)
            return [found.at(share, kind) if kind in found.taken else None for found, share in cells]

        rows: list[list[Cell]] = [[kind, *of(kind)] for kind in self.taken]
        columns = ("step", "p50 ms", "p95 ms", "past p50 ms", "past p95 ms")
        return Table("One step at a time", columns, rows)

    def budgets(self) -> list[Budget]:
        """What is promised of them."""
        bare = self.at(0.5, BARE)
        half, most = self.at(0.5, *COMMANDS) / bare, self.at(0.95, *COMMANDS) / bare
        return [
            Budget("agent's commands at c=1, p50, to the bare Update's p50", half, "<=", P50_LIMIT),
            Budget("agent's commands at c=1, p95, to the bare Update's p50", most, "<=", P95_LIMIT),
            Budget("open to assigned at c=1, p50 in ms", self.at(0.5, "open to assigned"), "<=", ASSIGNED_LIMIT),
        ]


async def slow_life(life: WholeLife, found: Latencies) -> None:
    """A life of which each step is timed, and waits until the one before has been forgotten."""
    path = await found.time("open to assigned", _opened(life))
    await found.time("message", life.write(path))
    await found.time("release", life.act(f"{path}/release", {}, 200))
    await found.time("claim", life.act(f"{path}/claim", {}, 200))
    await found.time("reply", life.act(f"{path}/replies", {"body": REPLY, "body_format": "text"}, 201))
    await found.time("note", life.act(f"{path}/notes", {"body": "Gateway 3.", "body_format": "text"}, 201))
    await found.time("resolve", life.act(f"{path}/resolve", {}, 200))
    await found.time("close", life.act(f"{path}/close", {"reason": "resolved"}, 200))


class BareUpdates:
    """Updates of one ticket's workflow, sent by this process past every service."""

    def __init__(self, client: Client) -> None:
        self._tickets = Tickets(client)
        self._ticket_id = TicketId(new_id())

    async def open(self) -> None:
        """Starts the workflow; no service ever hears of it but by its events."""
        opening = OpenTicket(ticket_id=self._ticket_id, number="900001", opened_at=utc_now(), has_exact_timer=True)
        await self._tickets.start(opening)
        system = Actor(kind=ActorKind.SYSTEM)
        triage = TriageTicket(
            command_id=f"triage:{self._ticket_id}", actor=system, team_id=TEAM, policy=a_policy(), agent_id=AGENT
        )
        await self._tickets.send(self._ticket_id, triage)

    async def time(self, found: Latencies) -> None:
        """A few of them."""
        agent = Actor(kind=ActorKind.AGENT, id=AGENT)
        for priority in (Priority.HIGH, Priority.LOW, Priority.NORMAL):
            command = PrioritiseTicket(command_id=str(new_id()), actor=agent, priority=priority)
            await found.time(BARE, self._tickets.send(self._ticket_id, command))


async def _opened(life: WholeLife) -> str:
    return await life.assigned(await life.open())
