"""Carries the plan's faults out, and counts for each whether it hit: whether anything was under way when it struck."""

import asyncio
import email.utils
import os
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import asyncpg
import httpx2

from shared.kit.clock import utc_now
from tests.chaos.run.links import Link
from tests.chaos.run.load import Load
from tests.chaos.run.plan import SERVICES, Fault, FaultKind
from tests.chaos.run.system import ChaosSystem
from tests.support.eventually import eventually

WINDOWS = {
    "a command between intent and answer": ("assignment", "select count(*) from intents"),
    "an event of intake on its way to NATS": ("intake", "select count(*) from outbox where parked_at is null"),
    "an event of the desk on its way to NATS": ("assignment", "select count(*) from outbox where parked_at is null"),
    "a mail taken in and not yet read": ("intake", "select count(*) from raw_mails where state = 'received'"),
    "a mail being sent": ("notification", "select count(*) from deliveries where status = 'sending'"),
}
"""What may be half done when a process dies, and how it is seen."""
ARMED_FOR = 20.0
LOCK = "lock table {table} in access exclusive mode"
LOCKED = {"intake": "messages", "assignment": "tickets", "notification": "deliveries"}


@dataclass
class Outcomes:
    """Sometimes-counters: how often each kind struck and hit, and what was half done at a death."""

    struck: Counter[str] = field(default_factory=Counter)
    hits: Counter[str] = field(default_factory=Counter)
    victims: dict[str, Counter[str]] = field(default_factory=dict)
    windows: Counter[str] = field(default_factory=Counter)
    mail_windows: int = 0
    """Faults in which a mail may have been accepted and not recorded."""
    unwell: list[str] = field(default_factory=list)
    """After which faults not all was well again in time."""
    slowest_recovery: dict[str, float] = field(default_factory=dict)


MAIL_WINDOW_VICTIMS = ("notification", "mail", "postgres")
"""A mail is doubled only if one of these, or the ways between them, fails while it is sent."""


class Striker:
    """Does one fault at a time."""

    def __init__(self, system: ChaosSystem, load: Load) -> None:
        self.system, self.load, self.outcomes = system, load, Outcomes()

    async def strike(self, fault: Fault) -> None:
        """The fault, and what follows until all is well again."""
        kind = str(fault.kind)
        self.outcomes.struck[kind] += 1
        self.outcomes.victims.setdefault(kind, Counter())[fault.victim] += 1
        if any(victim in fault.victim for victim in MAIL_WINDOW_VICTIMS):
            self.outcomes.mail_windows += self.load.mails_at_once
        under_way = self.load.in_flight
        hits = await self._doing(fault.kind)(fault)
        self.outcomes.hits[kind] += hits if isinstance(hits, int) and not isinstance(hits, bool) else under_way > 0
        began = time.monotonic()
        try:
            await self.system.until_well()
        except AssertionError as problem:
            self.outcomes.unwell.append(f"{kind}, {fault.victim}: {problem}")
            print(f"NOT WELL AGAIN after {kind}: {fault.victim}\n{self.system.last_words()}", flush=True)
        took = time.monotonic() - began
        self.outcomes.slowest_recovery[kind] = max(took, self.outcomes.slowest_recovery.get(kind, 0.0))
        await asyncio.sleep(fault.calm)

    def _doing(self, kind: FaultKind) -> Callable[[Fault], Awaitable[int | None]]:
        return {
            FaultKind.KILL: self._kill,
            FaultKind.PAUSE: self._pause,
            FaultKind.CUT: self._cut,
            FaultKind.DELAY: self._delay,
            FaultKind.SLOW_DATABASE: self._slow_database,
            FaultKind.FULL_DISK: self._full_disk,
            FaultKind.CLOCK_STEP: self._clock_step,
            FaultKind.LOST_ACKS: self._lose_acks,
            FaultKind.LOST_PUBLISH_ACKS: self._lose_publish_acks,
            FaultKind.POWER_LOSS: self._cut_power,
            FaultKind.KILL_AT_INTENT: self._kill_at_intent,
            FaultKind.KILL_AT_ACCEPTANCE: self._kill_at_acceptance,
        }[kind]

    async def _kill(self, fault: Fault) -> None:
        await self.note_windows()
        await self._end(fault.victim)

    async def _end(self, process: str) -> None:
        """`kill -9`, and until another runs in its place."""
        pid = await self.system.pid(process)
        os.kill(pid, signal.SIGKILL)
        await eventually(lambda: self.system.description["pids"].get(process, pid) != pid, within=90)

    async def _pause(self, fault: Fault) -> None:
        stopped = await self.system.send(fault.victim, signal.SIGSTOP)
        try:
            await asyncio.sleep(fault.seconds)
        finally:
            for pid in stopped:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    async def _cut(self, fault: Fault) -> int:
        link, before = self._link(fault), self._link(fault).severed
        link.cut()
        await asyncio.sleep(fault.seconds)
        link.mend()
        return int(link.severed > before or link.refused > 0)

    async def _delay(self, fault: Fault) -> int:
        link, before = self._link(fault), self._link(fault).delayed
        link.delay = fault.amount
        await asyncio.sleep(fault.seconds)
        link.mend()
        return int(link.delayed > before)

    def _link(self, fault: Fault) -> Link:
        return self.system.links[fault.victim]

    async def _slow_database(self, fault: Fault) -> int:
        """Holds a table everybody needs; a hit is somebody who waits for it."""
        connection = await self.system.database(fault.victim)
        try:
            async with connection.transaction():
                await connection.execute("set local lock_timeout = '5s'")
                await connection.execute(LOCK.format(table=LOCKED[fault.victim]))
                await connection.execute("select pg_sleep($1)", fault.seconds / 2)
                waiting = "select count(*) from pg_locks where not granted"
                return int(await connection.fetchval(waiting) > 0)
        except asyncpg.LockNotAvailableError:
            return 0
        finally:
            await connection.close()

    async def _full_disk(self, fault: Fault) -> int:
        """A hit is a service that says so, or an answer that refuses."""
        disk, refused = self.system.disks[fault.victim], self.load.refused
        ballast = await asyncio.to_thread(disk.fill)
        told = False
        try:
            async with httpx2.AsyncClient(timeout=5) as http:
                until = time.monotonic() + fault.seconds + 5
                while time.monotonic() < until:
                    told = told or await self._is_anybody_degraded(http)
                    await asyncio.to_thread(disk.fill_again, ballast)
                    await asyncio.sleep(0.5)
        finally:
            await asyncio.to_thread(ballast.unlink)
        return int(told or self.load.refused > refused)

    async def _is_anybody_degraded(self, http: httpx2.AsyncClient) -> bool:
        for service in SERVICES:
            try:
                answer = await http.get(f"{self.system.urls[service]}/readyz")
            except httpx2.TransportError:
                return True
            if answer.status_code != 200 or answer.json().get("degraded"):
                return True
        return False

    async def _clock_step(self, fault: Fault) -> int:
        """A hit is a clock that is seen to be wrong from outside, in the `Date` of an answer."""
        clock = self.system.clocks[fault.victim]
        clock.step(fault.amount)
        try:
            await asyncio.sleep(fault.seconds)
            return int(abs(await self._clock_error(fault.victim)) >= abs(fault.amount) / 2)
        finally:
            clock.step(0)

    async def _clock_error(self, process: str) -> float:
        names = {"mail_in": "mail_in_http"}
        port = self.system.description["ports"][names.get(process, process)]
        async with httpx2.AsyncClient(timeout=5) as http:
            try:
                answer = await http.get(f"http://127.0.0.1:{port}/healthz")
            except httpx2.TransportError:
                return 0.0
        return (email.utils.parsedate_to_datetime(answer.headers["date"]) - utc_now()).total_seconds()

    async def _lose_acks(self, fault: Fault) -> int:
        """A hit is an event that comes again because nobody heard that it had been handled."""
        link = self.system.links[f"{fault.victim} to nats"]
        lost, again = link.losses.acks_lost, link.losses.redelivered
        link.losses.acks = True
        await asyncio.sleep(fault.seconds)
        link.losses.acks = False
        if link.losses.acks_lost == lost:
            return 0
        with suppress(AssertionError):
            await eventually(lambda: link.losses.redelivered > again, within=60)
        return int(link.losses.redelivered > again)

    async def _lose_publish_acks(self, fault: Fault) -> int:
        losses = self.system.links[f"{fault.victim} to nats"].losses
        before = losses.publish_acks_lost
        losses.publish_acks = True
        await asyncio.sleep(fault.seconds)
        losses.publish_acks = False
        return int(losses.publish_acks_lost > before)

    async def _cut_power(self, fault: Fault) -> None:
        """Everything of it stands still while the disk is kept, so that nothing is acknowledged that is not on it."""
        await self.note_windows()
        pid = await self.system.pid(fault.victim)
        stopped = await self.system.send(fault.victim, signal.SIGSTOP)
        await asyncio.to_thread(self.system.disks[fault.victim].cut_power)
        for one in reversed(stopped):
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        await eventually(lambda: self.system.description["pids"].get(fault.victim, pid) != pid, within=90)

    async def _kill_at_intent(self, fault: Fault) -> int:
        """Temporal's answers come late, so that a command is sure to wait for one; then its sender dies."""
        link = self.system.links["assignment to temporal"]
        link.delay = 0.5
        connection = await self.system.database("assignment")
        try:
            until = time.monotonic() + ARMED_FOR
            while time.monotonic() < until:
                if await connection.fetchval("select count(*) from intents where claimed_until > now()"):
                    await self._end(fault.victim)
                    return 1
                await asyncio.sleep(0.02)
            return 0
        finally:
            link.mend()
            await connection.close()

    async def _kill_at_acceptance(self, fault: Fault) -> int:
        """The sink has the mail; its sender dies before it hears so."""
        link, pid = self.system.links["notification to mail"], await self.system.pid(fault.victim)
        accepted = asyncio.Event()

        def die() -> None:
            os.kill(pid, signal.SIGKILL)
            accepted.set()

        link.on_accepted = die
        try:
            async with asyncio.timeout(ARMED_FOR):
                await accepted.wait()
        except TimeoutError:
            return 0
        finally:
            link.mend()
        await eventually(lambda: self.system.description["pids"].get(fault.victim, pid) != pid, within=90)
        return 1

    async def note_windows(self) -> None:
        """What is half done right now."""
        for name, (service, query) in WINDOWS.items():
            with suppress(OSError, TimeoutError, asyncpg.PostgresError):
                connection = await self.system.database(service)
                try:
                    self.outcomes.windows[name] += int(await connection.fetchval(query) > 0)
                finally:
                    await connection.close()
