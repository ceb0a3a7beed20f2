"""What a ticket's past costs its next command: 1,000 events behind it against 10, in the worker's cache and evicted."""

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median, quantiles

from shared.contracts.base import MessageId, TicketId
from shared.contracts.commands import Command, MessageFact, OpenTicket, PrioritiseTicket, RecordReply, TriageTicket
from shared.contracts.names import ticket_workflow_id
from shared.contracts.tickets import Actor, TicketSnapshot
from shared.contracts.vocabulary import ActorKind, Priority
from shared.kit.clock import new_id, utc_now
from shared.kit.ticket_errors import TicketsUnavailable
from shared.kit.tickets import Tickets
from tests.load.lives import AGENT, TEAM, a_policy
from tests.load.report import Budget, Cell, Report, Table
from tests.load.workflow_side import WorkflowSide, workflow_side
from workflows.options import HISTORY_LIMIT

LIMIT = 1.3
FEW, MANY = 10, 1000
SHORT, LONG = 40, 4
"""Tickets of each kind. Going round all of them, each has left a cache of ten before its turn comes again."""
CACHED, EVICTED = 1000, 10
BUILD_WITHIN = 300.0
BY_AGENT = Actor(kind=ActorKind.AGENT, id=AGENT)
METHOD = f"""\
{SHORT} tickets with {FEW} past events and {LONG} with {MANY} (a requester's message and an agent's reply in turn), on
Temporal with its SQLite file in WAL mode and one worker process. The command is `prioritise`, timed at the client from
call to answer, one at a time; each round goes through all tickets, ten short ones and a long one in turn. Once with
room for all in the worker's cache, which the budget is for; and once with a cache of {EVICTED}, so that every ticket is
replayed from its history first. A run ends after {HISTORY_LIMIT} history events."""


@dataclass
class Times:
    """Milliseconds per command."""

    short: list[float] = field(default_factory=list)
    long: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """Medians, long to short."""
        return median(self.long) / median(self.short)

    def rows(self, where: str) -> list[list[Cell]]:
        """Both kinds, and how they compare."""
        short, long = (_row(times) for times in (self.short, self.long))
        ratio = [b / a for a, b in zip(short, long, strict=True)]
        return [
            [f"{where}, {FEW} events", len(self.short), *short],
            [f"{where}, {MANY} events", len(self.long), *long],
            [f"{where}, ratio", None, *ratio],
        ]


def _row(times: Sequence[float]) -> list[float]:
    cuts = quantiles(times, n=100, method="inclusive")
    return [median(times), cuts[89], cuts[98]]


async def send(tickets: Tickets, ticket_id: TicketId, command: Command) -> TicketSnapshot:
    """The answer, however many deadlines that takes."""
    while True:
        try:
            return await tickets.send(ticket_id, command)
        except TicketsUnavailable:
            await asyncio.sleep(0.1)


async def a_ticket(tickets: Tickets, events: int) -> TicketId:
    """A ticket with at least so many events behind it."""
    ticket_id = TicketId(new_id())
    await tickets.start(OpenTicket(ticket_id=ticket_id, number="100001", opened_at=utc_now(), has_exact_timer=True))
    triage = TriageTicket(command_id=str(new_id()), actor=BY_AGENT, team_id=TEAM, policy=a_policy(), agent_id=AGENT)
    snapshot = await send(tickets, ticket_id, triage)
    while snapshot.seq < events:
        fact = MessageFact(
            message_id=MessageId(new_id()), author=Actor(kind=ActorKind.REQUESTER), received_at=utc_now()
        )
        await tickets.post_message(ticket_id, fact)
        reply = RecordReply(
            command_id=str(new_id()), actor=BY_AGENT, message_id=MessageId(new_id()), replied_at=utc_now()
        )
        snapshot = await send(tickets, ticket_id, reply)
    return ticket_id


async def measure(tickets: Tickets, short: Sequence[TicketId], long: Sequence[TicketId], rounds: int) -> Times:
    """Goes round all tickets; the first round only warms up."""
    times, step = Times(), len(short) // len(long)
    for turn in range(rounds + 1):
        for place, old in enumerate(long):
            for ticket_id in (*short[place * step : (place + 1) * step], old):
                took = await _timed(tickets, ticket_id, turn)
                if turn:
                    (times.long if ticket_id == old else times.short).append(took)
    return times


async def _timed(tickets: Tickets, ticket_id: TicketId, turn: int) -> float:
    priority = Priority.HIGH if turn % 2 else Priority.NORMAL
    command = PrioritiseTicket(command_id=str(new_id()), actor=BY_AGENT, priority=priority)
    started = time.perf_counter()
    await send(tickets, ticket_id, command)
    return (time.perf_counter() - started) * 1000


async def shape(side: WorkflowSide, ticket_id: TicketId) -> list[Cell]:
    """What a ticket is by now: events and KiB of its present run, and bytes of an answer."""
    handle = side.client.get_workflow_handle(ticket_workflow_id(ticket_id))
    info = (await handle.describe()).raw_description.workflow_execution_info
    snapshot = await handle.query("snapshot", result_type=TicketSnapshot)
    return [
        snapshot.seq,
        info.history_length,
        info.history_size_bytes / 1024,
        len(snapshot.clocks),
        len(snapshot.model_dump_json()),
    ]


async def run() -> Report:
    """About four minutes."""
    rounds = int(os.environ.get("BENCH_ROUNDS", "12"))
    async with workflow_side() as side:
        async with side.worker(cache=CACHED):
            async with asyncio.timeout(BUILD_WITHIN):
                short = await asyncio.gather(*(a_ticket(side.tickets, FEW) for _ in range(SHORT)))
                long = await asyncio.gather(*(a_ticket(side.tickets, MANY) for _ in range(LONG)))
            print("  tickets are made", flush=True)
            cached = await measure(side.tickets, short, long, rounds)
        async with side.worker(cache=EVICTED):
            evicted = await measure(side.tickets, short, long, rounds)
            shapes = [await shape(side, one) for one in (short[0], *long)]
    return _report(cached, evicted, shapes)


def _report(cached: Times, evicted: Times, shapes: list[list[Cell]]) -> Report:
    report = Report("long_history", "A command on a ticket with a long past", METHOD)
    columns = ("ticket", "commands", "median ms", "p90 ms", "p99 ms")
    report.tables = [
        Table("Time to the answer", columns, [*cached.rows("cached"), *evicted.rows("evicted")]),
        Table(
            "The tickets, at the end",
            ("ticket", "seq", "history events of its run", "KiB", "clocks in its snapshot", "bytes of its snapshot"),
            [["short" if not place else f"long {place}", *cells] for place, cells in enumerate(shapes)],
        ),
    ]
    report.budgets = [
        Budget(f"median time of a command, {MANY} past events to {FEW}, in cache", cached.ratio, "<=", LIMIT)
    ]
    report.notes = [
        f"An evicted ticket is replayed from the start of its present run, at most about {HISTORY_LIMIT} history "
        "events (`HISTORY_LIMIT`, workflows/options.py): that bounds the evicted figure whatever a ticket's age, and "
        "a lower limit would buy faster replays with more continue-as-news.",
    ]
    return report
