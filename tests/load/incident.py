"""One update to thousands of requesters while agents work, and the merge of two long tickets."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from itertools import cycle
from statistics import median, quantiles
from typing import Any

import asyncpg

from shared.kit.clock import new_id
from tests.load.http_client import Http
from tests.load.report import Budget, Report, Table
from tests.load.system import EVERYTHING, System, system
from tests.load.whole_lives import a_key, a_submission

CHILDREN = int(os.environ.get("BENCH_CHILDREN", "5000"))
ENTRIES = int(os.environ.get("BENCH_ENTRIES", "500"))
TOLD_SECONDS, LIMIT_RATIO, MERGE_SECONDS = 300.0, 2.0, 1.0
WORKED_ON = 20
"""Tickets beside the children, on which an agent works one command at a time."""
QUIET_COMMANDS = 100
GAP = 0.2
AT_ONCE = 16
PATIENCE = 1800.0
UPDATE = "We know of the outage and work on it; the transfer page is back within the hour."
METHOD = f"""\
The whole system, each service one process, with tickets accepted over HTTP. One is declared a major incident and the
others attached to it by one request. An agent sets priorities on other tickets, one command at a time with {GAP:g} s
between two: {QUIET_COMMANDS} times while nothing else happens, and then from the update to all requesters until its job
is over. Told is a requester when the mail has left; the clock runs from the request until the last one has. Mails are
counted in the ledger of the service that sends them, replies in the database of the desk. Then two tickets with
{ENTRIES} notes each are merged, and the clock is that of the request."""


class Work:
    """An agent at the desk, and the databases to look into."""

    def __init__(self, desk: Http, assignment: asyncpg.Connection, notification: asyncpg.Connection) -> None:
        self.desk, self.assignment, self.notification = desk, assignment, notification

    async def get(self, path: str) -> Any:
        """The answer to a GET, whatever its status."""
        return (await self.desk.send(self.desk.request("GET", path))).json

    async def act(self, path: str, body: dict[str, Any]) -> float:
        """How many seconds a command took. Raises AssertionError if it was refused."""
        request, started = self.desk.request("POST", path, body, a_key()), time.perf_counter()
        reply = await self.desk.send(request)
        assert reply.status in {200, 201}, f"POST {path}: {reply.status} {reply.body[:500]!r}"
        return time.perf_counter() - started

    async def finished(self, parent: str, job: dict[str, Any]) -> dict[str, Any]:
        """A job on the children, once it is over. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE):
            while True:
                found: dict[str, Any] = await self.get(f"{parent}/incident/jobs/{job['id']}?limit=1")
                if found["finished_at"] is not None:
                    return found
                await asyncio.sleep(GAP)

    async def until(self, connection: asyncpg.Connection, query: str, count: int) -> None:
        """Returns once a query counts so many. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE):
            while True:
                if await connection.fetchval(query) >= count:
                    return
                await asyncio.sleep(GAP)


async def run() -> Report:
    """Some ten minutes with the usual number of children; BENCH_CHILDREN and BENCH_ENTRIES make it shorter."""
    async with system(*EVERYTHING) as stack, _work(stack) as work:
        parent, *others = await _accepted(stack, work, 1 + WORKED_ON + 2 + CHILDREN)
        worked_on, long_ones, children = others[:WORKED_ON], others[WORKED_ON:][:2], others[WORKED_ON + 2 :]
        path = f"/v1/tickets/{parent}"
        await work.act(f"{path}/incident", {})
        attached = await work.finished(path, await _job(work, f"{path}/children", {"ticket_ids": children}))
        quiet = await _commands(work, worked_on, range(QUIET_COMMANDS))
        told, busy = await _update(work, path, worked_on)
        merged = await _merge(work, long_ones)
        replies = await work.assignment.fetchval(REPLIES)
        mails, told_by_mail = (await work.notification.fetch(MAILS))[0]
    ratio = _p95(busy) / _p95(quiet)
    report = Report("incident", "One problem, many tickets", METHOD)
    report.tables = [
        Table(
            f"An agent's command, with {len(children)} children",
            ("while", "commands", "p50 ms", "p95 ms"),
            [
                ["nothing else happens", len(quiet), median(quiet) * 1000, _p95(quiet) * 1000],
                ["the update goes out", len(busy), median(busy) * 1000, _p95(busy) * 1000],
            ],
        )
    ]
    report.budgets = [
        Budget("children attached", attached["counts"]["done"], "==", len(children)),
        Budget("children that have the update as a reply", replies, "==", len(children)),
        Budget("requesters told by mail", told_by_mail, "==", len(children)),
        Budget("mails beyond one for each", mails - told_by_mail, "==", 0),
        Budget("seconds until all are told", told, "<=", TOLD_SECONDS),
        Budget("p95 of an agent's commands meanwhile, ratio", ratio, "<=", LIMIT_RATIO),
        Budget(f"seconds for the merge of two tickets with {ENTRIES} entries each", merged, "<=", MERGE_SECONDS),
    ]
    return report


REPLIES = f"select count(distinct ticket_id) from messages where body = '{UPDATE}'"
MAILS = """
select count(*) as mails, count(distinct ticket_id) as tickets from deliveries
where template = 'reply' and status = 'sent'"""
SENT = "select count(*) from deliveries where template = 'reply' and status = 'sent'"
KNOWN = "select count(*) from tickets where seq > 0 and status <> 'new'"


@asynccontextmanager
async def _work(stack: System) -> AsyncIterator[Work]:
    session = await Http(stack.urls["assignment"], "none").post("/v1/sessions", stack.login)
    password, port = stack.secrets.database_passwords["postgres"], stack.ports["postgres"]
    url = f"postgresql://postgres:{password}@127.0.0.1:{port}"
    connections = [await asyncpg.connect(f"{url}/{name}") for name in ("assignment", "notification")]
    try:
        yield Work(Http(stack.urls["assignment"], session["access_token"]), *connections)
    finally:
        for connection in connections:
            await connection.close()


async def _accepted(stack: System, work: Work, count: int) -> list[str]:
    """The ids of so many new tickets of as many requesters, once the desk knows them all."""
    intake, ids, remaining = Http(stack.urls["intake"], stack.secrets.api_key), list[str](), iter(range(count))

    async def one() -> None:
        for _ in remaining:
            ids.append((await intake.post("/v1/tickets", a_submission(new_id().hex), headers=a_key()))["id"])

    await asyncio.gather(*(one() for _ in range(AT_ONCE)))
    await work.until(work.assignment, KNOWN, count)
    return ids


async def _job(work: Work, path: str, body: dict[str, Any]) -> dict[str, Any]:
    job: dict[str, Any] = await work.desk.post(path, body, expect=202, headers=a_key())
    return job


async def _commands(work: Work, tickets: Sequence[str], rounds: Iterable[int]) -> list[float]:
    """How long each of so many commands took, ticket by ticket."""
    taken = []
    for nth, ticket in zip(rounds, cycle(tickets), strict=False):
        priority = "high" if nth // len(tickets) % 2 else "low"
        taken.append(await work.act(f"/v1/tickets/{ticket}/prioritise", {"priority": priority}))
        await asyncio.sleep(GAP)
    return taken


async def _update(work: Work, parent: str, worked_on: Sequence[str]) -> tuple[float, list[float]]:
    """Seconds until the last mail has left, and how long commands took until the job was over."""
    started, is_over = time.perf_counter(), asyncio.Event()
    job = await _job(work, f"{parent}/updates", {"body": UPDATE})

    def while_it_runs() -> Iterable[int]:
        nth = QUIET_COMMANDS
        while not is_over.is_set():
            yield nth
            nth += 1

    async with asyncio.TaskGroup() as group:
        commands = group.create_task(_commands(work, worked_on, while_it_runs()))
        await work.finished(parent, job)
        is_over.set()
    await work.until(work.notification, SENT, job["total"])
    return time.perf_counter() - started, commands.result()


async def _merge(work: Work, tickets: Sequence[str]) -> float:
    """Seconds for the merge of one ticket into another, after both have so many notes."""
    for ticket in tickets:
        for _ in range(ENTRIES):
            await work.act(f"/v1/tickets/{ticket}/notes", {"body": "Gateway 3 was out of memory."})
    source, target = tickets
    return await work.act(f"/v1/tickets/{source}/merge", {"into": target})


def _p95(taken: Sequence[float]) -> float:
    return quantiles(taken, n=20)[-1]
