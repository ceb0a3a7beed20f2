"""What `make bench ARGS=load` does to a running system, and to the bare thing beside it."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from uuid import UUID

import nats
import psutil
from nats.aio.msg import Msg
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from deploy.local import probe
from deploy.local.engines.ports import find_free_port
from services.assignment.web.page_base import SESSION_COOKIE
from shared.contracts.base import TicketId
from shared.contracts.commands import PrioritiseTicket
from shared.contracts.names import STREAM_SUBJECTS
from shared.contracts.tickets import Actor
from shared.contracts.vocabulary import ActorKind, Priority
from shared.kit.clock import new_id
from shared.kit.tickets import Tickets
from tests.load.bare_desk import NATS_VARIABLE
from tests.load.bare_route import PAYLOAD_VARIABLE
from tests.load.driving import Act, Driven, drive
from tests.load.hosted_system import description
from tests.load.http_client import Http
from tests.load.lives import AGENT, BaselineLife
from tests.load.meter import CpuMeter
from tests.load.python_process import engine_environment_of, result_of, running
from tests.load.sse_readers import SseReaders
from tests.load.still import Stillness
from tests.load.system import EVERYTHING, System, system
from tests.load.systems import HostedSystem
from tests.load.whole_lives import BODY, WholeLife, a_key, a_submission
from workflows.provisioning import ensure_search_attributes

SHARE = float(os.environ.get("BENCH_SHARE", "1"))
"""Of the usual counts, for a quick look."""
STREAMS = 20
COMMANDED = 4
"""Tickets that agents' commands go to."""
PRIORITIES = ("high", "low", "normal")
LOG = Path(os.environ.get("BENCH_LOG", os.devnull))
"""What the bare processes say."""
ROW_BYTES = 2_900
"""What one keyed ticket puts into intake's tables; see the report `accept`."""
Way = Callable[[], Awaitable[Driven]]


@dataclass(frozen=True, slots=True)
class LoadedOperation:
    """One line of the table."""

    name: str
    at_once: int
    ours: Way
    bare: Way


@dataclass
class LoadDoors:
    """A running system, warm, and the bare things beside it."""

    stack: System
    hosted: HostedSystem
    life: WholeLife
    client: Client
    intake: Http
    desk: Http
    token: str
    still: Stillness
    bare_urls: dict[str, str]
    bare_pids: dict[str, int]
    paths: list[str]
    bare_tickets: list[TicketId]
    tickets: int = 0

    async def until_still(self) -> None:
        """Nothing is on its way any more."""
        await self.still.wait()

    def operations(self) -> list[LoadedOperation]:
        """In the order in which each leaves the next a system that it can be measured on."""
        bare_accept, bare_desk = Http(self.bare_urls["route"], "none"), Http(self.bare_urls["desk"], "none")
        cookie = {"Cookie": f"{SESSION_COOKIE}={self.token}"}
        word = "banking"

        def reads(name: str, path: str, bare_path: str, headers: dict[str, str] | None = None) -> LoadedOperation:
            meter, bare_meter = self._meter("assignment", "postgres"), self._bare_meter("desk", "postgres")
            ours, bare = _get(self.desk, path, headers), _get(bare_desk, bare_path)
            return self._operation(name, [ours], [bare], 300, 4, meter, bare_meter)

        submit: Act = lambda: self._submit()  # noqa: E731
        insert: Act = lambda: bare_accept.post("/rows", {"subject": "Down", "body": BODY[:540]})  # noqa: E731
        return [
            self._operation(
                "whole lives",
                [self.life],
                [BaselineLife(self.client)],
                48,
                8,
                self._meter(*EVERYTHING, without=("mail",)),
                self._bare_meter("lean", "temporal", "nats"),
            ),
            self._operation(
                "agents' commands",
                [self._command(path) for path in self.paths],
                [self._bare_command(ticket_id) for ticket_id in self.bare_tickets],
                160,
                COMMANDED,
                self._meter("assignment", "postgres", "temporal", "worker", "nats"),
                self._meter("temporal", "worker", "nats"),
            ),
            LoadedOperation("events to a browser", STREAMS, self._streams(is_bare=False), self._streams(is_bare=True)),
            self._operation(
                "tickets taken in",
                [submit],
                [insert],
                200,
                16,
                self._meter("intake", "postgres"),
                self._bare_meter("route", "postgres"),
                is_settled=False,
            ),
            LoadedOperation("notifications", 1, self._notify, self._send_bare),
            reads("queue, JSON", "/v1/tickets?view=all&limit=25", "/rows"),
            reads("queue, page", "/queue?view=all", "/rows", cookie),
            reads("search", f"/v1/tickets?view=all&limit=25&q={word}", f"/found?q={word}"),
        ]

    def _operation(
        self,
        name: str,
        ours: list[Act],
        bare: list[Act],
        count: int,
        at_once: int,
        meter: CpuMeter,
        bare_meter: CpuMeter,
        *,
        is_settled: bool = True,
    ) -> LoadedOperation:
        """`is_settled`: the cost of what follows the answer counts too."""
        count = max(at_once, int(count * SHARE))
        rest = self.until_still if is_settled else None

        async def settled(acts: list[Act], own: CpuMeter) -> Driven:
            await self.until_still()
            return await drive(acts, count, at_once, own, rest)

        return LoadedOperation(name, at_once, lambda: settled(ours, meter), lambda: settled(bare, bare_meter))

    def _meter(self, *names: str, without: tuple[str, ...] = ()) -> CpuMeter:
        return CpuMeter({name: self.stack.pids[name] for name in names if name not in without})

    def _bare_meter(self, name: str, *engines: str) -> CpuMeter:
        return CpuMeter({name: self.bare_pids[name], **{engine: self.stack.pids[engine] for engine in engines}})

    async def _submit(self) -> None:
        self.tickets += 1
        await self.intake.post("/v1/tickets", a_submission(new_id().hex), headers=a_key())

    def _command(self, path: str) -> Act:
        turns = cycle(PRIORITIES)
        return lambda: self.life.act(f"{path}/prioritise", {"priority": next(turns)}, 200)

    def _bare_command(self, ticket_id: TicketId) -> Act:
        turns, tickets = cycle(map(Priority, PRIORITIES)), Tickets(self.client)
        agent = Actor(kind=ActorKind.AGENT, id=AGENT)

        async def act() -> None:
            command = PrioritiseTicket(command_id=str(new_id()), actor=agent, priority=next(turns))
            await tickets.send(ticket_id, command)

        return act

    def _streams(self, *, is_bare: bool) -> Way:
        """Commands, with streams open here or there; the same commands before that without any are taken off."""
        address = f"{self.bare_urls['desk']}/stream" if is_bare else f"{self.hosted.urls['assignment']}/v1/stream"
        meter = self._bare_meter("desk") if is_bare else self._meter("assignment")
        act, count = self._command(self.paths[0]), max(4, int(30 * SHARE))

        async def way() -> Driven:
            await self.until_still()
            without = await drive([act], count, 1, meter, self.until_still)
            readers, published = SseReaders(), list[tuple[str, float]]()
            bus = await nats.connect(self.hosted.nats_url)

            async def on_event(message: Msg) -> None:
                published.append((json.loads(message.data)["subject"], time.perf_counter()))

            for subject in STREAM_SUBJECTS:
                await bus.subscribe(subject, cb=on_event)
            try:
                async with readers.open(address, {"Authorization": f"Bearer {self.token}"}, STREAMS):
                    published.clear()
                    readers.arrivals.clear()
                    began = time.perf_counter()
                    found = await drive([act], count, 1, meter, self.until_still)
                    took = time.perf_counter() - began
            finally:
                await bus.close()
            arrived = readers.arrivals
            cost = max(0.0, found.cpu - without.cpu) * count / max(1, len(arrived))
            return Driven(len(arrived) / took, _delays([at for _, at in published], [at for at, _ in arrived]), cost)

        return way

    async def _notify(self) -> Driven:
        """Tickets are opened while notification is held; then it goes on, and is timed until all mails are out."""
        await self.until_still()
        count = max(4, int(60 * SHARE))
        parent = psutil.Process(self.stack.pids["notification"])
        held = [parent, *parent.children(recursive=True)]
        for process in held:
            process.send_signal(signal.SIGSTOP)
        try:
            for _ in range(count):
                await self._submit()
            await self.still.wait(without="notification")
            before, meter = self.hosted.mails(), self._meter("notification", "postgres")
        finally:
            for process in held:
                process.send_signal(signal.SIGCONT)
        began = time.perf_counter()
        newest = began
        mails = before
        while await self.still.is_moving() or mails == before:
            if (now := self.hosted.mails()) > mails:
                mails, newest = now, time.perf_counter()
            assert time.perf_counter() - began < 120, "no mails came"
            await asyncio.sleep(0.05)
        sent = self.hosted.mails() - before
        return Driven(sent / max(newest - began, 0.001), [], sum(meter.read().values()) / sent)

    async def _send_bare(self) -> Driven:
        count = max(8, int(120 * SHARE))
        found = json.loads(
            await result_of("tests.load.bare_mails", str(self.stack.ports["mail_smtp"]), str(count), "4")
        )
        return Driven(count / found["seconds"], [], found["cpu"] * 1000 / count)


def _get(http: Http, path: str, headers: dict[str, str] | None = None) -> Act:
    request = http.request("GET", path, None, headers)

    async def act() -> None:
        reply = await http.send(request)
        assert reply.status == 200, (path, reply.status, reply.body[:300])

    return act


def _delays(published: list[float], arrived: list[float]) -> list[float]:
    """Milliseconds from each arrival back to the newest event before it."""
    ordered = sorted(published)
    delays = []
    for at in arrived:
        before = [one for one in ordered if one <= at]
        if before:
            delays.append((at - before[-1]) * 1000)
    return delays


@asynccontextmanager
async def load_doors() -> AsyncIterator[LoadDoors]:
    """Started, warm, with the tickets that agents' commands go to."""
    async with AsyncExitStack() as scope:
        stack = await scope.enter_async_context(system(*EVERYTHING))
        hosted = HostedSystem(name="present", **description(stack))
        client = await Client.connect(hosted.temporal_address, data_converter=pydantic_data_converter)
        await ensure_search_attributes(client)
        urls, pids = await _bare_processes(scope, stack, hosted)
        life = await WholeLife.begin(hosted)
        scope.push_async_callback(life.end)
        session = await Http(hosted.urls["assignment"], "none").post("/v1/sessions", hosted.login)
        token = str(session["access_token"])
        still = await scope.enter_async_context(Stillness.of(hosted))
        paths = [await life.assigned(await life.open()) for _ in range(COMMANDED)]
        tickets = [await life.open() for _ in range(COMMANDED)]
        for ticket_id in tickets:
            await life.assigned(ticket_id)
        await life()
        await BaselineLife(client)()
        intake, desk = Http(hosted.urls["intake"], hosted.api_key), Http(hosted.urls["assignment"], token)
        yield LoadDoors(
            stack,
            hosted,
            life,
            client,
            intake,
            desk,
            token,
            still,
            urls,
            pids,
            paths,
            [TicketId(UUID(one)) for one in tickets],
        )


async def _bare_processes(
    scope: AsyncExitStack, stack: System, hosted: HostedSystem
) -> tuple[dict[str, str], dict[str, int]]:
    urls, pids = dict[str, str](), dict[str, int]()
    for name, module, service in (
        ("route", "tests.load.bare_route", "intake"),
        ("desk", "tests.load.bare_desk", "assignment"),
    ):
        port = find_free_port()
        env = stack.environment(service) | {"EVERDESK_PORT": str(port), PAYLOAD_VARIABLE: str(ROW_BYTES)}
        env |= {NATS_VARIABLE: hosted.nats_url}
        process = await scope.enter_async_context(running(module, env=env, log=LOG))

        async def is_ready(port: int = port) -> bool:
            return await probe.http_status("127.0.0.1", port, "/readyz") == 200

        await probe.until(is_ready, within=30, what=module)
        urls[name], pids[name] = f"http://127.0.0.1:{port}", process.pid
    env = engine_environment_of(hosted.nats_url, hosted.temporal_address)
    lean = running("tests.load.bench_worker", "baseline", env=env, log=LOG)
    pids["lean"] = (await scope.enter_async_context(lean)).pid
    return urls, pids
