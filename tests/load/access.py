"""What knowing an agent costs, and what the others notice of a flood of guessed passwords."""

import asyncio
import os
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count

import httpx2

from services.assignment.queries.access.caller_cache import CallerCache
from services.assignment.queries.access.callers import find_caller
from services.assignment.settings import AssignmentSettings
from shared.contracts.base import AgentId, TeamId
from shared.contracts.vocabulary import Channel, Permission, Scope
from shared.domain.permissions import Grant, Principal, TicketPlace, permissions_on, reach
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Database, dsn_of
from tests.load.abuse import FLOOR_MS, PER_SECOND, SLOWED, percentile
from tests.load.http_client import Http
from tests.load.report import Budget, Report, Table
from tests.load.system import UNLIMITED, System, system

LIMITS = UNLIMITED | {"EVERDESK_TRUSTED_PROXIES": "127.0.0.0/8"}
"""Every attempt may come from an address of its own: else the attacker's network is locked after a hundred."""
MEMBERSHIPS = 10
ROUNDS = 2_000
AT_ONCE = 450
"""Fewer than may wait in line, so that every guess waits for its turn or for the longest wait."""
ENTERED = 2.0
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
PATHS = ("/v1/me", "/v1/tickets?view=all&limit=25", "/healthz")
METHOD = """\
Authentication: processor time of this process for finding the agent of a session, with the lookup remembered as
requests find it, and with a query each time. Permission check: everything an agent with ten memberships may do to a
ticket, and how far one permission reaches. Stuffing: signed-in agents read at fixed instants, five of each kind of
request a second, first alone and then for as long as passwords are guessed, 450 at a time, each at an account and from
an address of its own, so that no lock helps; a request that waits for another counts with its waiting. p95 below 25 ms
is taken for 25 ms. Meanwhile somebody signs in every other second with the right password, in a browser in which they
have signed in before. 401 is a guess that was hashed, 503 one that waited too long and was not."""


async def run() -> Report:
    """About five minutes on two cores: whoever waits ten seconds for a password to be looked at is refused."""
    attempts = int(os.environ.get("BENCH_ATTEMPTS", "10000"))
    async with system("postgres", "nats", "temporal", "mail", "worker", "assignment", limits=LIMITS) as stack:
        token = (await Http(stack.urls["assignment"], "none").post("/v1/sessions", stack.login))["access_token"]
        costs = await authentication(stack, token)
        stuffing, slowest, entered = await stuffed(stack, token, attempts)
    checks = permission_checks()
    budgets = [
        Budget("authentication of a request, ms of processor time", costs["remembered"], "<=", 0.5),
        Budget("permission check, µs", max(checks.values()), "<=", 20.0),
        Budget("p95 of others during stuffing, times that without", slowest, "<=", SLOWED),
        Budget("p95 of right passwords in a known browser, s", entered, "<=", ENTERED),
    ]
    tables = [
        Table("Authentication, ms of processor time", ("lookup", "ms"), list(costs.items())),
        Table("Permission check", ("check", "µs"), list(checks.items())),
        *stuffing,
    ]
    return Report("access", "Knowing who asks", METHOD, tables, budgets, [])


async def authentication(stack: System, token: str) -> dict[str, float]:
    """Milliseconds of processor time for one request."""
    values = {name.removeprefix("EVERDESK_").lower(): value for name, value in stack.environment("assignment").items()}
    settings = AssignmentSettings.model_validate({name: values[name] for name in _known(values)})
    database = Database.connect(settings)
    cache = CallerCache(database, dsn_of(settings), settings.session_idle)
    listening = asyncio.create_task(cache.run())

    async def remembered() -> None:
        assert await cache.find(token, Channel.API, utc_now()) is not None

    async def asked() -> None:
        found = await find_caller(database, token, Channel.API, utc_now(), settings.session_idle)
        assert found is not None

    try:
        await asyncio.sleep(1)
        return {"remembered": await _cost(remembered), "with a query": await _cost(asked)}
    finally:
        listening.cancel()
        await database.dispose()


def _known(values: dict[str, str]) -> set[str]:
    return set(values) & set(AssignmentSettings.model_fields)


async def _cost(ask: Callable[[], Awaitable[None]]) -> float:
    for _ in range(100):
        await ask()
    began = time.process_time()
    for _ in range(ROUNDS):
        await ask()
    return 1000 * (time.process_time() - began) / ROUNDS


def permission_checks() -> dict[str, float]:
    """Microseconds for one check of an agent with many memberships."""
    teams = [TeamId(new_id()) for _ in range(MEMBERSHIPS)]
    scopes = (Scope.TEAMS, Scope.ASSIGNED)
    grants = tuple(Grant(team, scopes[n % 2], frozenset(Permission)) for n, team in enumerate(teams))
    principal = Principal(AgentId(new_id()), grants)
    place = TicketPlace(teams[-2], None)

    def timed(check: Callable[[], object]) -> float:
        began = time.perf_counter()
        for _ in range(ROUNDS):
            check()
        return 1_000_000 * (time.perf_counter() - began) / ROUNDS

    return {
        "all permissions on a ticket": timed(lambda: permissions_on(principal, place)),
        "reach of one permission": timed(lambda: reach(principal, Permission.TICKET_VIEW)),
    }


@dataclass
class Flood:
    """What became of the guesses."""

    answers: dict[int, list[float]] = field(default_factory=dict)
    """The seconds until each answer, by status."""
    seconds: float = 0.0

    @property
    def rows(self) -> list[tuple[str, int, float, float]]:
        """Status, how many, half of them within and all of them within, in seconds."""
        return [
            (f"{status}", len(taken), percentile(taken, 0.5), max(taken))
            for status, taken in sorted(self.answers.items())
        ]


async def stuffed(stack: System, token: str, attempts: int) -> tuple[list[Table], float, float]:
    """What others notice and the attacker is answered; the largest ratio, and the p95 of known browsers' sign-ins."""
    seconds = float(os.environ.get("BENCH_SECONDS", "20"))
    home = KnownAtHome(stack)
    await home.arrive()
    await others(stack, token, lasting(3))
    alone = await others(stack, token, lasting(seconds))
    flood = Flood()
    attack = asyncio.create_task(stuff(stack, attempts, flood))
    entering = asyncio.create_task(home.enter_until(attack.done))
    await asyncio.sleep(1)
    attacked = await others(stack, token, attack.done)
    await attack
    entered = await entering
    ratios = {path: max(attacked[path], FLOOR_MS) / max(alone[path], FLOOR_MS) for path in alone}
    rows = [(path, alone[path], attacked[path], ratios[path]) for path in alone]
    took = f"{attempts} guesses in {flood.seconds:.0f} s"
    tables = [
        Table("Others during stuffing", ("request", "p95 ms alone", "p95 ms under the flood", "ratio"), rows),
        Table(f"Answers to {took}", ("status", "guesses", "half within s", "all within s"), flood.rows),
        Table("Right passwords in a known browser meanwhile", ("sign-ins", "p95 s", "longest s"), [entered.row]),
    ]
    return tables, max(ratios.values()), entered.p95


async def stuff(stack: System, attempts: int, flood: Flood) -> None:
    """Guesses passwords, each at an account and from an address of its own."""
    http, numbers, begun = Http(stack.urls["assignment"], "none"), iter(range(attempts)), time.monotonic()

    async def one_attacker() -> None:
        for number in numbers:
            body = {"email": f"nobody-{number}@bank.example", "password": "violet-harbour-cheese-39"}
            address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
            headers, at = {"X-Forwarded-For": address}, time.monotonic()
            reply = await http.send(http.request("POST", "/v1/sessions", body, headers))
            flood.answers.setdefault(reply.status, []).append(time.monotonic() - at)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(one_attacker())
    flood.seconds = time.monotonic() - begun


@dataclass
class Entered:
    """Sign-ins with the right password."""

    taken: list[float] = field(default_factory=list)

    @property
    def p95(self) -> float:
        """In seconds."""
        return percentile(self.taken, 0.95)

    @property
    def row(self) -> tuple[int, float, float]:
        """How many, their p95 and the longest."""
        return len(self.taken), self.p95, max(self.taken)


class KnownAtHome:
    """An agent in the browser they use every day, who signs in again and again."""

    def __init__(self, stack: System) -> None:
        self._http = httpx2.AsyncClient(base_url=stack.urls["assignment"], timeout=60)
        self._login = stack.login

    async def arrive(self) -> None:
        """The sign-in by which the browser becomes known."""
        assert await self._enter() < 60

    async def enter_until(self, is_over: Callable[[], bool]) -> Entered:
        """Signs in every other second."""
        entered = Entered()
        while not is_over():
            entered.taken.append(await self._enter())
            await asyncio.sleep(2)
        await self._http.aclose()
        return entered

    async def _enter(self) -> float:
        page = await self._http.get("/", params={"again": "yes"})
        found = TOKEN.search(page.text)
        assert found, page.text
        form = {**self._login, "csrf_token": found[1]}
        at = time.monotonic()
        answer = await self._http.post("/sign-in", data=form)
        assert answer.status_code == 303, answer.text
        return time.monotonic() - at


def lasting(seconds: float) -> Callable[[], bool]:
    """Whether so many seconds are over from now on."""
    until = time.monotonic() + seconds
    return lambda: time.monotonic() >= until


async def others(stack: System, token: str, is_over: Callable[[], bool]) -> dict[str, float]:
    """The p95 of each kind of request, in milliseconds, for as long."""
    http, loop = Http(stack.urls["assignment"], token), asyncio.get_running_loop()
    taken: dict[str, list[float]] = {path: [] for path in PATHS}

    async def one(path: str, at: float) -> None:
        reply = await http.send(http.request("GET", path))
        assert reply.status == 200, reply
        taken[path].append(1000 * (loop.time() - at))

    begun, numbers = loop.time(), count()
    async with asyncio.TaskGroup() as group:
        while not is_over():
            at = begun + next(numbers) / PER_SECOND
            await asyncio.sleep(max(0.0, at - loop.time()))
            for path in PATHS:
                group.create_task(one(path, at))
    return {path: percentile(values, 0.95) for path, values in taken.items()}
