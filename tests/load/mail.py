"""A thousand mails through SMTP beside a flood of one sender: none lost, at what rate, and who waits for whom."""

import asyncio
import itertools
import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiosmtplib
import asyncpg

from deploy.local.plan import MAIL_FROM
from services.intake.mail.transports.raw_mail_store import identity_of
from tests.load.meter import rss_megabytes
from tests.load.report import Budget, Report, Table
from tests.load.system import UNLIMITED, System, system

SUPPORT = MAIL_FROM.partition("<")[2].rstrip(">")
LINES = 4
"""SMTP connections of the many senders; the flooder has as many."""
WITHIN = 600.0
SLOWED = 2.0
"""How much longer the others' mails may take from 250 to their ticket while one sender floods."""
METHOD = """\
Real processes: PostgreSQL, the object store in a folder, `python -m services.intake.main mail` with its two reading
processes. The real mails of the corpus are sent again and again, each time with a Message-ID and an envelope sender of
its own, over four SMTP connections, until 1,000 have been answered 250. Then the same again while one sender floods
over four more connections, as fast as 250 comes. A mail is lost if it was answered 250 and no row says what became of
it. Latency is from arrival to the settled row. Every sender has the usual share of 60 mails an hour; the
pace within it is switched off."""
FLOODER = "flooder@flood.example"
AT_FULL_SPEED = UNLIMITED | {"EVERDESK_MAIL_PACE_SECONDS": "0"}
"""All senders here are of one domain, and delivered by one client."""
OUTCOMES = """
select identity, state, outcome, extract(epoch from settled_at - received_at)::float8 as seconds, message_id
from raw_mails where sender <> $1
"""


@dataclass(frozen=True, slots=True)
class Run:
    """One delivery of all mails."""

    handed_in: int
    accept_seconds: float
    done_seconds: float
    states: dict[str, int]
    lost: int
    latencies: list[float]
    flooded: int = 0
    flood_waiting: int = 0

    def percentile(self, share: float) -> float:
        """Seconds from arrival to the settled row."""
        ordered = sorted(self.latencies)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def corpus() -> list[bytes]:
    """The real mails. Raises RuntimeError where they are not there."""
    folder = Path(os.environ.get("EVERDESK_TEST_DATA", "/nowhere")) / "mail"
    mails = [path.read_bytes() for path in sorted(folder.rglob("*.eml"))]
    if not mails:
        raise RuntimeError("set EVERDESK_TEST_DATA to the folder that holds mail/")
    return [raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n") for raw in mails]


def renamed(raw: bytes, name: str) -> bytes:
    """The mail with a Message-ID of its own, put before whatever it has."""
    return b"Message-ID: <%s@bench.example>\r\n" % name.encode() + raw.rstrip() + b"\r\n"


async def deliver(port: int, mails: Sequence[tuple[str, bytes]]) -> float:
    """Hands all mails in; returns the seconds it took. Raises what SMTP refuses."""
    waiting = iter(mails)

    async def line() -> None:
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False, timeout=60) as client:
            for sender, raw in waiting:
                await client.sendmail(sender, [SUPPORT], raw)

    started = time.perf_counter()
    await asyncio.gather(*(line() for _ in range(LINES)))
    return time.perf_counter() - started


async def flood(port: int, raw: bytes, sent: list[int]) -> None:
    """One sender, for as long as it may."""

    async def line(number: int) -> None:
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False, timeout=60) as client:
            for count in itertools.count():
                await client.sendmail(FLOODER, [SUPPORT], renamed(raw, f"flood-{number}-{count}"))
                sent[0] += 1

    await asyncio.gather(*(line(number) for number in range(LINES)))


async def one_run(stack: System, count: int, label: str, *, is_flooded: bool) -> Run:
    """Delivers `count` mails and waits until each has an outcome."""
    port, raws = stack.ports["mail_in"], corpus()
    mails = [
        (f"{label}-{number}@many.example", renamed(raw, f"{label}-{number}"))
        for number, raw in zip(range(count), itertools.cycle(raws), strict=False)
    ]
    wanted = {identity_of(raw) for _, raw in mails}
    address = stack.environment("intake")["EVERDESK_DATABASE_URL"].replace("+asyncpg", "")
    connection = await asyncpg.connect(address)
    sent = [0]
    flooding = asyncio.create_task(flood(port, raws[0], sent)) if is_flooded else None
    started = time.perf_counter()
    try:
        accept_seconds = await deliver(port, mails)
        rows = await _settled(connection, wanted)
        done_seconds = time.perf_counter() - started
        waiting = await connection.fetchval(
            "select count(*) from raw_mails where sender = $1 and state = 'received'", FLOODER
        )
    finally:
        if flooding:
            flooding.cancel()
            await asyncio.gather(flooding, return_exceptions=True)
        await connection.close()
    states: dict[str, int] = {}
    for row in rows:
        states[row["state"]] = states.get(row["state"], 0) + 1
    return Run(
        handed_in=len(mails),
        accept_seconds=accept_seconds,
        done_seconds=done_seconds,
        states=states,
        lost=len(wanted) - len(rows),
        latencies=[row["seconds"] for row in rows if row["seconds"] is not None],
        flooded=sent[0],
        flood_waiting=int(waiting or 0),
    )


async def _settled(connection: "asyncpg.Connection[Any]", wanted: set[str]) -> list[Any]:
    deadline = time.perf_counter() + WITHIN
    while True:
        rows = [row for row in await connection.fetch(OUTCOMES, FLOODER) if row["identity"] in wanted]
        if time.perf_counter() > deadline or (
            len(rows) == len(wanted) and all(row["state"] != "received" for row in rows)
        ):
            return rows
        await asyncio.sleep(0.2)


async def run() -> Report:
    """About two minutes."""
    count = int(os.environ.get("BENCH_MAILS", "1000"))
    async with system("postgres", "nats", "intake", "mail_in", limits=AT_FULL_SPEED) as stack:
        await one_run(stack, 50, "warm", is_flooded=False)
        before = rss_megabytes(stack.pids["mail_in"])
        calm = await one_run(stack, count, "calm", is_flooded=False)
        between = rss_megabytes(stack.pids["mail_in"])
        flooded = await one_run(stack, count, "flooded", is_flooded=True)
        after = rss_megabytes(stack.pids["mail_in"])
    return _report(calm, flooded, (before, between, after))


def _report(calm: Run, flooded: Run, memory: tuple[float, float, float]) -> Report:
    report = Report("mail", "Mail in", METHOD)
    report.tables = [
        Table(
            f"{calm.handed_in} mails of the corpus",
            ("", "250 per second", "settled per second", "p50 s", "p99 s", "tickets and messages", "ignored", "lost"),
            [[name, *_figures(one)] for name, one in (("alone", calm), ("beside a flood", flooded))],
        ),
        Table(
            "Memory of the mail process with its readers",
            ("", "MB"),
            [["warm", memory[0]], ["after a thousand", memory[1]], ["after the flood", memory[2]]],
        ),
    ]
    report.budgets = [
        Budget("mails lost", float(calm.lost + flooded.lost), "==", 0.0),
        Budget("mails that failed", float(sum(one.states.get("failed", 0) for one in (calm, flooded))), "==", 0.0),
        Budget(
            "seconds to settle all, beside a flood to alone", flooded.done_seconds / calm.done_seconds, "<=", SLOWED
        ),
        Budget("memory after a thousand mails, to warm", memory[1] / memory[0], "<=", 1.5),
    ]
    report.notes = [
        f"The flooder was answered 250 {flooded.flooded} times meanwhile; {flooded.flood_waiting} of those mails wait, "
        "kept, for the hours to come.",
        f"Middle of both runs: {statistics.median(calm.latencies + flooded.latencies):.2f} s from arrival to outcome.",
    ]
    return report


def _figures(one: Run) -> list[float | int]:
    return [
        one.handed_in / one.accept_seconds,
        one.handed_in / one.done_seconds,
        one.percentile(0.5),
        one.percentile(0.99),
        one.states.get("done", 0),
        one.states.get("ignored", 0),
        one.lost,
    ]
