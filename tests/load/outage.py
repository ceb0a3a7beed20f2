"""Tickets accepted while Temporal is away: all run once it is back, none lost, none doubled."""

import asyncio
import json
import os
import time
from collections import Counter
from contextlib import AsyncExitStack

import nats
from temporalio.client import Client

from shared.contracts.events import TicketOpened, TicketSubmitted
from shared.contracts.names import STREAM
from shared.kit.clock import new_id
from tests.load.http_client import Http
from tests.load.report import Budget, Report, Table
from tests.load.system import System, system
from tests.load.whole_lives import a_submission

AT_ONCE = 16
PATIENCE = 900.0
METHOD = """\
PostgreSQL, NATS and intake run; Temporal and the worker run too, work off one ticket, and are stopped. Then so many
tickets are accepted over HTTP with an Idempotency-Key each. Temporal and the worker are started again, and the bench
waits until the stream holds a `ticket.opened` of every ticket. Workflows are counted by listing them in Temporal's
visibility, events by reading the stream; both are compared, id by id, with the ids that intake's answers named."""


async def accept(stack: System, count: int) -> tuple[list[str], float]:
    """The ids of accepted tickets, and how long accepting took."""
    http, ids, remaining = Http(stack.urls["intake"], stack.secrets.api_key), list[str](), iter(range(count))

    async def one() -> None:
        for _ in remaining:
            key = {"Idempotency-Key": new_id().hex}
            ids.append((await http.post("/v1/tickets", a_submission("ana"), headers=key))["id"])

    started = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(AT_ONCE)))
    return ids, time.perf_counter() - started


async def in_stream(stack: System, subjects: str) -> Counter[str]:
    """How often each ticket has an event of this kind in the stream."""
    bus = await nats.connect(stack.environment("worker")["EVERDESK_NATS_URL"])
    try:
        subscription = await bus.jetstream().subscribe(subjects, stream=STREAM, ordered_consumer=True)
        found: Counter[str] = Counter()
        left = (await subscription.consumer_info()).num_pending or 0
        while left > 0 or subscription.pending_msgs:
            message = await subscription.next_msg(timeout=10)
            found[json.loads(message.data)["subject"]] += 1
            left = message.metadata.num_pending
        return found
    finally:
        await bus.close()


async def opened_count(stack: System) -> int:
    """How many tickets have been opened so far, without reading them."""
    bus = await nats.connect(stack.environment("worker")["EVERDESK_NATS_URL"])
    try:
        info = await bus.jetstream().stream_info(STREAM, subjects_filter=TicketOpened.subjects())
        return len(info.state.subjects or {})
    finally:
        await bus.close()


async def in_temporal(stack: System) -> Counter[str]:
    """How many workflow runs each ticket has."""
    client = await Client.connect(stack.environment("worker")["EVERDESK_TEMPORAL_ADDRESS"])
    found: Counter[str] = Counter()
    async for execution in client.list_workflows("WorkflowType = 'TicketWorkflow'", page_size=500):
        found[execution.id.removeprefix("ticket-")] += 1
    return found


async def until_drained(stack: System, count: int) -> float:
    """Seconds until the stream tells of every ticket's opening, and visibility has caught up."""
    started = time.perf_counter()
    while time.perf_counter() - started < PATIENCE:
        if await opened_count(stack) >= count and len(await in_temporal(stack)) >= count:
            break
        await asyncio.sleep(0.5)
    took = time.perf_counter() - started
    await asyncio.sleep(3)
    return took


async def run() -> Report:
    """A few minutes."""
    count = int(os.environ.get("BENCH_TICKETS", "2000"))
    async with AsyncExitStack() as scope:
        stack = await scope.enter_async_context(system("postgres", "nats", "temporal", "worker", "intake"))
        first, _ = await accept(stack, 1)
        await until_drained(stack, 1)
        await stack.stop("worker")
        await stack.stop("temporal")
        during, accepting = await accept(stack, count)
        ids = {*first, *during}
        before = await opened_count(stack)
        started = time.perf_counter()
        await stack.start("temporal", "worker")
        ready = time.perf_counter() - started
        draining = await until_drained(stack, len(ids))
        workflows = await in_temporal(stack)
        submitted = await in_stream(stack, TicketSubmitted.subjects())
        opened = await in_stream(stack, TicketOpened.subjects())
    places = {"workflows": workflows, "submitted": submitted, "opened": opened}
    report = Report("outage", "Accepting while Temporal is away", METHOD)
    report.tables = [
        Table(
            f"{len(ids)} tickets",
            ("where", "tickets", "lost", "doubled", "unknown"),
            [
                [
                    name,
                    len(found),
                    len(ids - found.keys()),
                    sum(times > 1 for times in found.values()),
                    len(found.keys() - ids),
                ]
                for name, found in places.items()
            ],
        ),
        Table(
            "Times",
            ("what", "seconds", "per second"),
            [
                ["accepting with Temporal stopped", accepting, count / accepting],
                ["Temporal and worker ready again", ready, None],
                ["from then until every workflow has run", draining, count / draining],
            ],
        ),
    ]
    report.budgets = [
        Budget("tickets opened while Temporal was stopped", before - len(first), "==", 0),
        *(Budget(f"lost, by {name}", len(ids - found.keys()), "==", 0) for name, found in places.items()),
        *(
            Budget(f"doubled, by {name}", sum(times > 1 for times in found.values()), "==", 0)
            for name, found in places.items()
        ),
    ]
    return report
