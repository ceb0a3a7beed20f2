"""What people who watch the queue cost those who work: the same lives without watchers and with two hundred."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.load.hosted_system import description
from tests.load.http_client import Http
from tests.load.lives import play
from tests.load.meter import CpuMeter
from tests.load.report import Budget, Cell, Report, Table
from tests.load.system import EVERYTHING, System, system
from tests.load.systems import HostedSystem
from tests.load.whole_lives import WholeLife, a_key

WATCHERS, OF_ONE_AGENT = 200, 20
LIVES, AT_ONCE, ROUNDS = 60, 8, 5
COMMANDS = 7
"""Of one life: opened, written to, replied to, noted, resolved, closed, and assigned by itself."""
LIMIT = 10.0
METHOD = f"""\
The whole stack. {LIVES} whole lives of tickets are played through the API, {AT_ONCE} at a time, in {ROUNDS} rounds
without watchers and as many with {WATCHERS} open streams of every change (`GET /v1/stream`), in turns, so that other
work on the machine slows both alike. The watchers read what they are sent and do nothing with it; their own processor
time is this process's and is not counted. The rate is commands per second; the medians of the rounds are compared. CPU
is that of all parts of the stack per command, which stays the same where others share the machine."""


@dataclass(frozen=True, slots=True)
class WatchedRound:
    """One round."""

    rate: float
    """Commands per second."""
    cpu: float
    """Milliseconds of all parts per command."""
    heard: int
    """Bytes that all watchers were sent."""


class _Ears:
    """Open streams, and how much they were sent."""

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        self.heard = 0
        self._open: list[tuple[asyncio.StreamWriter, asyncio.Task[None]]] = []

    async def listen(self, token: str) -> None:
        """Opens one stream, and reads it until it is closed."""
        reader, writer = await asyncio.open_connection(self._url.hostname, self._url.port)
        heads = f"GET /v1/stream HTTP/1.1\r\nHost: {self._url.netloc}\r\nAuthorization: Bearer {token}\r\n\r\n"
        writer.write(heads.encode())
        first = await reader.readline()
        assert b" 200 " in first, first
        self._open.append((writer, asyncio.create_task(self._read(reader))))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while part := await reader.read(65_536):
            self.heard += len(part)

    async def close(self) -> None:
        """Closes all."""
        for writer, task in self._open:
            task.cancel()
            writer.close()
        await asyncio.gather(*(task for _, task in self._open), return_exceptions=True)


async def run() -> Report:
    """Some three minutes."""
    rounds: dict[int, list[WatchedRound]] = {0: [], WATCHERS: []}
    async with system(*EVERYTHING) as started:
        hosted = HostedSystem(name="present", **description(started))
        life = await WholeLife.begin(hosted)
        tokens = await _agents(started)
        await play(life, LIVES, AT_ONCE)
        for _ in range(ROUNDS):
            for watchers, kept in rounds.items():
                async with _watching(hosted.urls["assignment"], tokens, watchers) as ears:
                    kept.append(await _round(life, CpuMeter(started.pids), ears))
                print(f"  {watchers} watchers: {kept[-1]}", flush=True)
        await life.end()
    return _report(rounds)


async def _agents(started: System) -> list[str]:
    """Tokens of as many agents as it takes: each may have only so many streams."""
    door = Http(started.urls["assignment"], "none")
    session = await door.post("/v1/sessions", started.login)
    admin, tokens = Http(started.urls["assignment"], session["access_token"]), list[str]()
    me = (await admin.send(admin.request("GET", "/v1/me"))).json
    memberships = [{"team_id": one["team_id"], "role_id": one["role_id"]} for one in me["memberships"]]
    for number in range(WATCHERS // OF_ONE_AGENT):
        email, password = f"watcher-{number}@everdesk.example", started.login["password"]
        agent = {"email": email, "name": f"Watcher {number}", "password": password, "memberships": memberships}
        await admin.post("/v1/agents", agent, headers=a_key())
        session = await door.post("/v1/sessions", {"email": email, "password": password})
        tokens.append(session["access_token"])
    return tokens


@asynccontextmanager
async def _watching(url: str, tokens: list[str], count: int) -> AsyncIterator[_Ears]:
    ears = _Ears(url)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(ears.close)
        for number in range(count):
            await ears.listen(tokens[number // OF_ONE_AGENT])
        yield ears


async def _round(life: WholeLife, meter: CpuMeter, ears: _Ears) -> WatchedRound:
    meter.restart()
    before, began = ears.heard, time.perf_counter()
    await play(life, LIVES, AT_ONCE)
    took = time.perf_counter() - began
    commands = LIVES * COMMANDS
    return WatchedRound(commands / took, sum(meter.read().values()) / commands, ears.heard - before)


def _report(rounds: dict[int, list[WatchedRound]]) -> Report:
    report = Report("watchers", "Watchers: what open streams cost commands", METHOD)
    rows: list[list[Cell]] = []
    for watchers, kept in rounds.items():
        medians = [statistics.median(getattr(one, name) for one in kept) for name in ("rate", "cpu", "heard")]
        rows.append([str(watchers), medians[0], medians[1], medians[2] / 1000])
    columns = ("open streams", "commands per second", "CPU-ms per command", "kB sent to them in a round")
    report.tables.append(Table("Medians of the rounds", columns, rows))
    without, watched = (statistics.median(one.rate for one in kept) for kept in rounds.values())
    lost = 100 * (1 - watched / without)
    report.budgets.append(Budget(f"% of command throughput that {WATCHERS} watchers cost", lost, "<=", LIMIT))
    heard = min(one.heard for one in rounds[WATCHERS]) / WATCHERS
    report.budgets.append(Budget("kB that each watcher was sent in a round, at least", heard / 1000, ">=", 10.0))
    return report
