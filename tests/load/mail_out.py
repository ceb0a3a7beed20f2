"""What a mail costs, how fast many leave, what a dead mail server delays, and whether a slow webhook delays mail."""

import asyncio
import os
import statistics
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import asyncpg
import httpx2

from deploy.local.engines.ports import find_free_port
from shared.contracts.events import Envelope, ParticipantChanged
from shared.contracts.vocabulary import ActorKind, ParticipantState
from shared.kit.bus import Bus, BusMessage
from shared.kit.clock import utc_now
from shared.kit.settings import Settings
from tests.load.mail_sink import SunkMail, count_of, last_of, taken_by
from tests.load.meter import CpuMeter
from tests.load.python_process import result_of, running
from tests.load.report import Budget, Cell, Report, Table
from tests.load.system import UNLIMITED, System, system
from tests.services.notification.ticket_events import TicketEvents, wrapped
from tests.support.small_server import serving

ROUNDS = 3
CONNECTIONS = 16
RECIPIENTS = 3
PER_TICKET = 20
AT_ONCE = 500
WITHIN = 900.0
NOTIFICATION, SINK, CLIENT = "notification", "mail server (aiosmtpd)", "aiosmtplib"
BODY = "Dear Ruth,\n\nthe payment of this morning is booked. " + "Please look at your account again. " * 12 + "\n\nAda"
METHOD = """\
PostgreSQL, NATS and notification run as processes of their own; mails go to aiosmtpd in a process of its own, which
takes commands together (RFC 2920), as usual servers do. An agent
replies on tickets with a requester and two people in copy: three mails for each event, each with links of its own, in
text and HTML. Events are published as fast as NATS takes them; the time is from the first mail that arrives to the
last. Then aiosmtplib alone hands the last of these mails to the same sink as often and over as many connections, in a
process with the low priority that notification gives itself. Both take turns, and medians are compared. CPU is that of
the whole notification process: reading events, deciding, settling, composing, sending and recording. Where all
processors are busy, the rate can be no nearer to aiosmtplib's than the CPU of all processes together is.

For the outage the sink is stopped while events come, with a webhook that answers; the mails are counted after it is
back. For the slow webhook one endpoint takes ten seconds for each answer, while mails are timed from their event on."""
LEFT = "select count(*) from deliveries where channel = 'mail' and status in ('waiting', 'queued', 'sending')"
ATTEMPTS = """
select count(*) filter (where status = 'sent'), count(*) filter (where status = 'failed'), coalesce(max(attempts), 0)
from deliveries where channel = 'mail' and ticket_id = any($1)
"""


@dataclass(frozen=True, slots=True)
class MailRun:
    """One turn: how many mails in which time, at which cost."""

    mails: int
    seconds: float
    costs: Mapping[str, float]
    """CPU milliseconds of a mail, by process."""

    @property
    def rate(self) -> float:
        """Mails in a second."""
        return self.mails / self.seconds

    @property
    def cpu_ms(self) -> float:
        """Those of notification."""
        return self.costs[NOTIFICATION]


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    """Returns once something is so."""
    while True:
        if await is_so():
            return
        await asyncio.sleep(0.2)


@dataclass
class MailBench:
    """The system, its sink and what speaks with both."""

    stack: System
    bus: Bus
    database: "asyncpg.Connection[Any]"
    control: int
    sink_pid: int = 0

    def meter(self) -> CpuMeter:
        """Counts what each process spends from now on."""
        return CpuMeter({**self.stack.pids, SINK: self.sink_pid})

    async def publish(self, events: Sequence[Envelope]) -> None:
        """Puts events on the stream."""
        for start in range(0, len(events), AT_ONCE):
            batch = [BusMessage.of(event) for event in events[start : start + AT_ONCE]]
            done = await self.bus.publish_until_acknowledged(batch)
            if len(done) != len(batch):
                raise RuntimeError("NATS did not take all events")

    async def drained(self) -> None:
        """Returns once nothing waits to be sent."""
        async with asyncio.timeout(WITHIN):
            await until(self._is_empty)

    async def _is_empty(self) -> bool:
        return not await self.database.fetchval(LEFT)

    async def arrived(self, count: int) -> list[SunkMail]:
        """Returns all mails, once there are so many. Raises TimeoutError."""
        async with asyncio.timeout(WITHIN):
            await until(partial(self._has, count))
        return await taken_by(self.control)

    async def _has(self, count: int) -> bool:
        return await count_of(self.control) >= count

    @asynccontextmanager
    async def sink(self) -> AsyncIterator[None]:
        """The sink for as long as the block lasts; it forgets what it took."""
        ports = (str(self.stack.ports["mail_smtp"]), str(self.control))
        async with running("tests.load.mail_sink", *ports, env={}, log=Path(os.devnull)) as sink:
            self.sink_pid = sink.pid
            async with asyncio.timeout(20):
                await until(self._listens)
            yield

    async def _listens(self) -> bool:
        try:
            return await count_of(self.control) == 0
        except OSError:
            return False


async def tickets(bench: MailBench, count: int) -> list[TicketEvents]:
    """Makes tickets with two people in copy each; the mails about that are sent when this returns."""
    stories = [TicketEvents() for _ in range(count)]
    events = [event for story in stories for event in (*story.people(), story.submitted(), *_in_copy(story))]
    await bench.publish(events)
    await asyncio.sleep(2)
    await bench.drained()
    return stories


def _in_copy(story: TicketEvents) -> list[Envelope]:
    joined = {"ticket_id": story.ticket_id, "state": ParticipantState.JOINED, "version": 1, "changed_at": utc_now()}
    emails = (f"{name}-{story.number}@bank.example" for name in ("lee", "kim"))
    return [wrapped(ParticipantChanged(email=email, name="Lee Kim", **joined)) for email in emails]


def replies(stories: Sequence[TicketEvents], count: int) -> list[Envelope]:
    """Replies, one ticket after the other."""
    return [stories[number % len(stories)].message(ActorKind.AGENT, f"{BODY} {number}") for number in range(count)]


async def product_run(bench: MailBench, stories: Sequence[TicketEvents], count: int) -> MailRun:
    """The product sends the mails of so many events."""
    before = await count_of(bench.control)
    meter = bench.meter()
    await bench.publish(replies(stories, count))
    mails = (await bench.arrived(before + count * RECIPIENTS))[before:]
    await bench.drained()
    costs = {name: spent / len(mails) for name, spent in meter.read().items()}
    at = [mail.at for mail in mails]
    return MailRun(len(mails), max(at) - min(at), costs)


async def bare_run(bench: MailBench, count: int) -> MailRun:
    """aiosmtplib alone sends the product's last mail so many times over the same number of connections."""
    with NamedTemporaryFile() as file:
        file.write(await last_of(bench.control))
        file.flush()
        arguments = map(str, (bench.stack.ports["mail_smtp"], count, CONNECTIONS, file.name))
        meter = bench.meter()
        seconds, spent = (float(one) for one in (await result_of("tests.load.bare_mail", *arguments)).split())
        return MailRun(count, seconds, {SINK: meter.read()[SINK] / count, CLIENT: spent * 1000 / count})


async def outage(bench: MailBench, stories: Sequence[TicketEvents], seconds: float, webhook: list[float]) -> list[Any]:
    """Publishes events while there is no mail server; returns what became of the mails and how long they took."""
    count = len(stories)
    published = time.time()
    told = len(webhook)
    await bench.publish(replies(stories, count))
    async with asyncio.timeout(60):
        await until(partial(_are_told, webhook, told + count))
    slowest = max(webhook[told:]) - published
    await asyncio.sleep(max(0.0, seconds - (time.time() - published)))
    back = time.time()
    async with bench.sink():
        mails = await bench.arrived(count * RECIPIENTS)
        await asyncio.sleep(2)
        mails = await taken_by(bench.control)
        await bench.drained()
    copies = Counter(mail.message_id for mail in mails)
    ids = [story.ticket_id for story in stories]
    _, failed, attempts = await bench.database.fetchrow(ATTEMPTS, ids) or (0, 0, 0)
    doubled = sum(times - 1 for times in copies.values())
    recovered = max(mail.at for mail in mails) - back
    return [count * RECIPIENTS - len(copies), doubled, failed, attempts, recovered, slowest]


async def _are_told(webhook: list[float], count: int) -> bool:
    return len(webhook) >= count


async def mail_delay(bench: MailBench, stories: Sequence[TicketEvents]) -> float:
    """Returns the median seconds from a reply to its mails, at a steady rate of events."""
    before = await count_of(bench.control)
    sent: dict[str, float] = {}
    for story in stories:
        sent[story.number] = time.time()
        await bench.publish(replies([story], 1))
        await asyncio.sleep(0.05)
    mails = (await bench.arrived(before + len(stories) * RECIPIENTS))[before:]
    return statistics.median(mail.at - sent[mail.ticket] for mail in mails)


async def hook(bench: MailBench, port: int) -> str:
    """Adds a webhook for replies; returns its path."""
    headers = {"Authorization": f"Bearer {bench.stack.secrets.operator}"}
    body = {"name": f"Bench {port}", "url": f"http://127.0.0.1:{port}/", "types": ["message.posted"]}
    async with httpx2.AsyncClient(base_url=bench.stack.urls["notification"], headers=headers) as http:
        answer = await http.post("/v1/webhooks", json=body)
        answer.raise_for_status()
        return f"/v1/webhooks/{answer.json()['id']}"


async def unhook(bench: MailBench, path: str) -> None:
    """Removes it."""
    headers = {"Authorization": f"Bearer {bench.stack.secrets.operator}"}
    async with httpx2.AsyncClient(base_url=bench.stack.urls["notification"], headers=headers) as http:
        (await http.delete(path)).raise_for_status()


class TimedReceiver:
    """A receiver of webhooks that notes when it was told, and answers after a while."""

    def __init__(self, delay: float = 0.0) -> None:
        self.told: list[float] = []
        self._delay = delay

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers one request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        await reader.readexactly(int(head.partition("content-length:")[2].split()[0]))
        self.told.append(time.time())
        await asyncio.sleep(self._delay)
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


async def run() -> Report:
    """About twelve minutes, five of them without a mail server."""
    events, dead = int(os.environ.get("BENCH_EVENTS", "10000")), float(os.environ.get("BENCH_DEAD_SECONDS", "300"))
    limits = UNLIMITED | {
        "EVERDESK_OUTGOING_ALLOWED_NETWORKS": "127.0.0.0/8",
        "EVERDESK_SMTP_CONNECTIONS": str(CONNECTIONS),
    }
    async with system("postgres", "nats", "notification", limits=limits) as stack:
        environment = stack.environment("notification")
        bus = Bus(Settings(nats_url=environment["EVERDESK_NATS_URL"], link_secret="only-for-the-bench"), "bench")
        await bus.start()
        await bus.jetstream()
        database = await asyncpg.connect(environment["EVERDESK_DATABASE_URL"].replace("+asyncpg", ""))
        bench = MailBench(stack, bus, database, find_free_port())
        try:
            return await _measured(bench, events, dead)
        finally:
            await database.close()
            await bus.stop()


async def _measured(bench: MailBench, events: int, dead: float) -> Report:
    each = events // ROUNDS
    product: list[MailRun] = []
    bare: list[MailRun] = []
    calm: list[float] = []
    slowed: list[float] = []
    quick, slow = TimedReceiver(), TimedReceiver(delay=10.0)
    async with bench.sink():
        stories = await tickets(bench, max(100, each // PER_TICKET))
        few = stories[:100]
        await product_run(bench, stories, max(each // 10, 50))
        for _ in range(ROUNDS):
            product.append(await product_run(bench, stories, each))
            bare.append(await bare_run(bench, each * RECIPIENTS))
        for _ in range(ROUNDS):
            calm.append(await mail_delay(bench, few))
            async with serving(slow.serve) as port:
                path = await hook(bench, port)
                slowed.append(await mail_delay(bench, few))
                await unhook(bench, path)
    async with serving(quick.serve) as port:
        path = await hook(bench, port)
        during = await outage(bench, few, dead, quick.told)
        await unhook(bench, path)
    return _report(product, bare, (statistics.median(calm), statistics.median(slowed)), during, dead)


def _by_process(product: Sequence[MailRun], bare: Sequence[MailRun]) -> list[list[Cell]]:
    names = dict.fromkeys(name for one in (*product, *bare) for name in one.costs)
    rows: list[list[Cell]] = [
        [name, *(statistics.median(one.costs.get(name, 0.0) for one in runs) for runs in (product, bare))]
        for name in names
    ]
    return [
        *rows,
        ["together", *(statistics.median(sum(one.costs.values()) for one in runs) for runs in (product, bare))],
    ]


def _report(
    product: Sequence[MailRun], bare: Sequence[MailRun], delays: tuple[float, float], during: list[Any], dead: float
) -> Report:
    ratio = statistics.median(one.rate for one in product) / statistics.median(one.rate for one in bare)
    lost, doubled, failed, attempts, recovered, slowest = during
    report = Report("mail_out", "Mail out", METHOD)
    report.tables = [
        Table(
            f"{product[0].mails} mails in each round, {RECIPIENTS} for each event, {CONNECTIONS} connections",
            ("round", "product per second", "CPU-ms per mail", "aiosmtplib alone per second"),
            [[number + 1, one.rate, one.cpu_ms, bare[number].rate] for number, one in enumerate(product)],
        ),
        Table(
            "CPU-ms of a mail by process, medians",
            ("process", "product", "aiosmtplib alone"),
            _by_process(product, bare),
        ),
        Table(
            f"No mail server for {dead:.0f} s",
            ("lost", "doubled", "failed", "attempts at most", "s until all were sent", "slowest webhook meanwhile, s"),
            [[lost, doubled, failed, attempts, recovered, slowest]],
        ),
        Table(
            "Median seconds from a reply to its mails",
            ("alone", "beside a webhook that takes 10 s for each answer"),
            [list(delays)],
        ),
    ]
    report.budgets = [
        Budget(
            "CPU-ms of a mail, composing and sending included",
            statistics.median(one.cpu_ms for one in product),
            "<=",
            3.0,
        ),
        Budget("rate, to that of aiosmtplib alone", ratio, ">=", 0.6),
        Budget("mails lost by the outage", lost, "==", 0),
        Budget("mails sent twice by the outage", doubled, "==", 0),
        Budget("attempts that the outage counted against a mail", attempts, "<=", 1),
        Budget("seconds until all were sent after it", recovered, "<=", 70.0),
        Budget("slowest webhook during the outage, s", slowest, "<=", 10.0),
        Budget("delay of mails beside a slow webhook, to alone", delays[1] / delays[0], "<=", 1.3),
    ]
    return report
