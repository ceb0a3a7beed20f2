"""What knowing an agent costs, and what the others notice of a flood of guessed passwords."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable

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
AT_ONCE = 64
PATHS = ("/v1/me", "/v1/tickets?view=all&limit=25", "/healthz")
METHOD = """\
Authentication: processor time of this process for finding the agent of a session, with the lookup remembered as
requests find it, and with a query each time. Permission check: everything an agent with ten memberships may do to a
ticket, and how far one permission reaches. Stuffing: signed-in agents read at fixed instants, five of each kind of
request a second, first alone and then while passwords are guessed, 64 at a time, each at an account and from an address
of its own, so that no lock helps; a request that waits for another counts with its waiting. p95 below 25 ms is taken
for 25 ms."""


async def run() -> Report:
    """About a minute for a thousand attempts on two cores, as passwords are hashed slowly on purpose."""
    attempts = int(os.environ.get("BENCH_ATTEMPTS", "10000"))
    async with system("postgres", "nats", "temporal", "mail", "worker", "assignment", limits=LIMITS) as stack:
        token = (await Http(stack.urls["assignment"], "none").post("/v1/sessions", stack.login))["access_token"]
        costs = await authentication(stack, token)
        stuffing, refused, slowest = await stuffed(stack, token, attempts)
    checks = permission_checks()
    budgets = [
        Budget("authentication of a request, ms of processor time", costs["remembered"], "<=", 0.5),
        Budget("permission check, µs", max(checks.values()), "<=", 20.0),
        Budget("p95 of others during stuffing, times that without", slowest, "<=", SLOWED),
    ]
    tables = [
        Table("Authentication, ms of processor time", ("lookup", "ms"), list(costs.items())),
        Table("Permission check", ("check", "µs"), list(checks.items())),
        stuffing,
    ]
    notes = [f"Answers to {attempts} attempts: {', '.join(f'{n} x {s}' for s, n in sorted(refused.items()))}."]
    return Report("access", "Knowing who asks", METHOD, tables, budgets, notes)


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


async def stuffed(stack: System, token: str, attempts: int) -> tuple[Table, Counter[int], float]:
    """What others notice, what the attacker is answered, and the largest ratio."""
    seconds = float(os.environ.get("BENCH_SECONDS", "20"))
    await others(stack, token, 3)
    alone = await others(stack, token, seconds)
    answers: Counter[int] = Counter()
    flood = asyncio.create_task(stuff(stack, attempts, answers))
    await asyncio.sleep(1)
    attacked = await others(stack, token, seconds)
    await flood
    ratios = {path: max(attacked[path], FLOOR_MS) / max(alone[path], FLOOR_MS) for path in alone}
    rows = [(path, alone[path], attacked[path], ratios[path]) for path in alone]
    table = Table("Others during stuffing", ("request", "p95 ms alone", "p95 ms under the flood", "ratio"), rows)
    return table, answers, max(ratios.values())


async def stuff(stack: System, attempts: int, answers: Counter[int]) -> None:
    """Guesses passwords; counts the statuses of the answers."""
    http, numbers = Http(stack.urls["assignment"], "none"), iter(range(attempts))

    async def one_attacker() -> None:
        for number in numbers:
            body = {"email": f"nobody-{number}@bank.example", "password": "violet-harbour-cheese-39"}
            address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
            headers = {"X-Forwarded-For": address}
            reply = await http.send(http.request("POST", "/v1/sessions", body, headers))
            answers[reply.status] += 1

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(one_attacker())


async def others(stack: System, token: str, seconds: float) -> dict[str, float]:
    """The p95 of each kind of request, in milliseconds, for as long."""
    http, loop = Http(stack.urls["assignment"], token), asyncio.get_running_loop()
    taken: dict[str, list[float]] = {path: [] for path in PATHS}

    async def one(path: str, at: float) -> None:
        reply = await http.send(http.request("GET", path))
        assert reply.status == 200, reply
        taken[path].append(1000 * (loop.time() - at))

    begun = loop.time()
    async with asyncio.TaskGroup() as group:
        for number in range(int(seconds * PER_SECOND)):
            at = begun + number / PER_SECOND
            await asyncio.sleep(max(0.0, at - loop.time()))
            for path in PATHS:
                group.create_task(one(path, at))
    return {path: percentile(values, 0.95) for path, values in taken.items()}
