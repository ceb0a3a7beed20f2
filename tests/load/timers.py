"""Thousands of open tickets with armed timers: what they cost asleep, and how late they are when their time comes."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import mean, quantiles

from nats.aio.msg import Msg

from shared.contracts.base import TicketId
from shared.contracts.commands import OpenTicket, SetTicketDue, TriageTicket
from shared.contracts.events import Envelope, SlaBreached
from shared.contracts.names import ticket_workflow_id
from shared.contracts.policies import PolicySnapshot
from shared.kit.clock import new_id, utc_now
from shared.kit.tickets import Tickets
from tests.load.histories import Histories, histories
from tests.load.lives import TEAM, a_policy
from tests.load.long_history import BY_AGENT, send
from tests.load.meter import rss_megabytes
from tests.load.report import Budget, Cell, Report, Table
from tests.load.workflow_side import WorkflowSide, workflow_side

LATE_SECONDS = 2.0
AT_ONCE = 32
LARGE, SMALL = 1000, 200
SAMPLED = 40
SETTLE_SECONDS = 5.0
LEAD = timedelta(seconds=20)
"""Between the last command and the first due instant."""
GRACE = 60.0
METHOD = """\
Tickets are opened and triaged under a policy of office hours, so that each has a timer armed (a breach days away), on
Temporal with its SQLite file in WAL mode and one worker process. Then some of them get a due instant (`set_due`), one
after the other at a steady rate, after the last of these commands; and others one and the same instant. A breach is
announced one millisecond after its due instant by rule. Lateness is the instant at which JetStream stored
`ticket.sla_breached`, by its own clock, less the due instant: the timer, the replay of a ticket that is not in the
cache, the workflow task, the publish activity and NATS. The worker is started anew with the smaller cache for the
timers, so most tickets are replayed when theirs fires."""


@dataclass
class Alarms:
    """Seconds by which each breach was late."""

    late: dict[TicketId, float] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def hear(self, message: Msg) -> None:
        """One breach from the stream."""
        breached = SlaBreached.of(Envelope.model_validate_json(message.data))
        stored_at: datetime = message.metadata.timestamp
        self.late[breached.ticket_id] = (stored_at - breached.due_at).total_seconds()
        self.news.set()

    def of(self, ids: Sequence[TicketId]) -> list[float]:
        """The lateness of these tickets, as far as they were heard of."""
        return [self.late[one] for one in ids if one in self.late]


@asynccontextmanager
async def alarms(side: WorkflowSide) -> AsyncIterator[Alarms]:
    """Hears every breach for as long as the block lasts."""
    heard = Alarms()
    js = await side.bus.jetstream()
    subscription = await js.subscribe(SlaBreached.subjects(), cb=heard.hear, ordered_consumer=True)
    yield heard
    await subscription.unsubscribe()


async def open_one(tickets: Tickets, policy: PolicySnapshot) -> TicketId:
    """An open ticket with an armed timer."""
    ticket_id = TicketId(new_id())
    await tickets.start(OpenTicket(ticket_id=ticket_id, number="100001", opened_at=utc_now(), has_exact_timer=True))
    await send(tickets, ticket_id, TriageTicket(command_id=str(new_id()), actor=BY_AGENT, team_id=TEAM, policy=policy))
    return ticket_id


async def open_many(tickets: Tickets, count: int) -> list[TicketId]:
    """Opens so many, some at a time."""
    remaining, found, policy = iter(range(count)), list[TicketId](), a_policy().model_copy(update={"warn_at": ()})

    async def opener() -> None:
        for _ in remaining:
            found.append(await open_one(tickets, policy))
            if len(found) % 500 == 0:
                print(f"  {len(found)} tickets are open", flush=True)

    await asyncio.gather(*(opener() for _ in range(AT_ONCE)))
    return found


async def fix_due(tickets: Tickets, due: dict[TicketId, datetime]) -> None:
    """Gives tickets their due instants. Raises RuntimeError if that took until the first of them."""
    remaining = iter(due.items())

    async def setter() -> None:
        for ticket_id, due_at in remaining:
            await send(tickets, ticket_id, SetTicketDue(command_id=str(new_id()), actor=BY_AGENT, due_at=due_at))

    await asyncio.gather(*(setter() for _ in range(8)))
    if utc_now() >= min(due.values()):
        raise RuntimeError("the due instants came while they were still being set: choose a smaller BENCH_FIRED")


async def fire(side: WorkflowSide, heard: Alarms, ids: Sequence[TicketId], per_second: float) -> list[float]:
    """Sets due instants at this rate (0: all the same), waits for them, and returns how late each breach was."""
    first = utc_now() + LEAD + timedelta(seconds=len(ids) / 10)
    due = {one: first + timedelta(seconds=place / per_second if per_second else 0) for place, one in enumerate(ids)}
    await fix_due(side.tickets, due)
    patience = (max(due.values()) - utc_now()).total_seconds() + GRACE
    with suppress(TimeoutError):
        async with asyncio.timeout(patience):
            while len(heard.of(ids)) < len(ids):
                heard.news.clear()
                await heard.news.wait()
    print(f"  {len(heard.of(ids))} of {len(ids)} timers fired", flush=True)
    return heard.of(ids)


async def run() -> Report:
    """About fifteen minutes; BENCH_TICKETS, BENCH_FIRED and BENCH_PER_SECOND change the counts and the rate."""
    count = int(os.environ.get("BENCH_TICKETS", "5000"))
    fired, per_second = int(os.environ.get("BENCH_FIRED", "1500")), float(os.environ.get("BENCH_PER_SECOND", "8"))
    async with workflow_side() as side, alarms(side) as heard:
        memory: list[list[Cell]] = []
        async with side.worker(cache=LARGE) as worker:
            await open_many(side.tickets, 1)
            memory.append(["one open", LARGE, rss_megabytes(worker.pid)])
            started = time.perf_counter()
            ids = await open_many(side.tickets, count)
            took = time.perf_counter() - started
            await asyncio.sleep(SETTLE_SECONDS)
            memory.append([f"{count} open, after opening them", LARGE, rss_megabytes(worker.pid)])
        asleep = [ticket_workflow_id(one) for one in ids[-SAMPLED:]]
        before = await histories(side.client, asleep)
        async with side.worker(cache=SMALL) as worker:
            steady = await fire(side, heard, ids[:fired], per_second)
            memory.append([f"{count} open, after {fired} fired", SMALL, rss_megabytes(worker.pid)])
            burst = await fire(side, heard, ids[fired : fired + 200], 0)
            memory.append([f"{count} open, after the burst", SMALL, rss_megabytes(worker.pid)])
        after = await histories(side.client, asleep)
    return _report(TimerFinding(count, took, per_second, fired, memory, steady, burst, before, after))


@dataclass(frozen=True, slots=True)
class TimerFinding:
    """What the run has measured."""

    count: int
    opening_seconds: float
    per_second: float
    wanted: int
    memory: list[list[Cell]]
    steady: list[float]
    burst: list[float]
    before: Histories
    after: Histories


def _late(name: str, late: Sequence[float]) -> list[Cell]:
    cuts = quantiles(late, n=100, method="inclusive")
    return [name, len(late), min(late) * 1000, mean(late) * 1000, cuts[49] * 1000, cuts[98] * 1000, max(late) * 1000]


def _report(found: TimerFinding) -> Report:
    report = Report("timers", f"{found.count} open tickets with armed timers", METHOD)
    rows = [
        _late(f"{found.per_second:g} a second", found.steady),
        _late("all at one instant", found.burst),
    ]
    columns = ("due", "fired", "earliest ms", "mean ms", "median ms", "p99 ms", "latest ms")
    idle: list[list[Cell]] = [[when, one.events, one.workflow_tasks, one.bytes / 1024] for when, one in _idle(found)]
    report.tables = [
        Table("Lateness of a breach", columns, rows),
        Table("Memory of the worker", ("tickets", "EVERDESK_WORKFLOW_CACHE", "RSS MiB"), found.memory),
        Table(f"{SAMPLED} tickets that only slept, means", ("when", "history events", "workflow tasks", "KiB"), idle),
    ]
    p99 = quantiles(found.steady, n=100, method="inclusive")[98]
    report.budgets = [
        Budget("timers that fired", float(len(found.steady)), "==", float(found.wanted)),
        Budget("seconds late, p99", p99, "<=", LATE_SECONDS),
        Budget("seconds of the earliest after its due instant", min(*found.steady, *found.burst), ">=", 0.0),
        Budget("history events that sleeping added", found.after.events - found.before.events, "==", 0.0),
    ]
    rate = found.count / found.opening_seconds
    report.notes = [
        f"{found.count} tickets were opened and triaged in {found.opening_seconds:.0f} s, {rate:.0f} a second.",
        "The burst has no budget: its last ticket waits for the replays of all the others.",
    ]
    return report


def _idle(found: TimerFinding) -> list[tuple[str, Histories]]:
    return [("after opening", found.before), ("at the end", found.after)]
