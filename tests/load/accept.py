"""How fast intake makes a request durable, against a bare route that commits one row of the same size."""

import json
import os
import statistics
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import asyncpg

from deploy.local import probe
from deploy.local.engines.ports import find_free_port
from tests.load.bare_route import PAYLOAD_VARIABLE
from tests.load.meter import CpuMeter
from tests.load.python_process import result_of, running
from tests.load.report import Budget, Report, Table
from tests.load.system import System, system

AT_ONCE = 16
MANY_AT_ONCE = 64
CHECKS = {"EVERDESK_API_MAX_OPEN_TICKETS": "1000", "EVERDESK_API_REQUESTER_PER_HOUR": "1000000"}
"""Off by default for client programs; here they are on, as every other check is."""
LIMIT = 0.50
SPREAD = 10.0
"""The slowest hundredth may take this many times as long as half of all, at MANY_AT_ONCE."""
METHOD = """\
POST /v1/tickets with an API key, a new requester each time, validation and a body of about 540 characters, until the
durable 201, with all checks on: bans, the budgets of key, address and requester, and the limit of open tickets;
one intake process whose relay publishes to NATS meanwhile, 16 keep-alive connections. The yardstick is a FastAPI route
in a process of its own, served by the same `shared.kit.processes.serve`, that commits one row through the same
SQLAlchemy and asyncpg pool (`shared.kit.db.Database`); the row is as large as all that intake stores for one ticket,
answer included. One client process with raw keep-alive sockets loads one target at a time; rounds are interleaved and
figures are medians. Headline: with an Idempotency-Key, as a client program that may retry sends it."""
STORED = """
select sum(size) from (
  select pg_column_size(t.*) as size from tickets t union all select pg_column_size(m.*) from messages m
  union all select pg_column_size(a.*) from idempotency_responses a
  union all select octet_length((to_jsonb(t) || to_jsonb(m))::text) from tickets t join messages m on m.ticket_id = t.id
) parts
"""


async def stored_bytes(stack: System) -> int:
    """What one keyed ticket puts into intake's tables; the outbox row, soon gone, is about both rows as JSON."""
    body = await _hammer(stack.urls["intake"], "/v1/tickets", stack.secrets.api_key, 1, 0.01, "keyed")
    address = stack.environment("intake")["EVERDESK_DATABASE_URL"].replace("+asyncpg", "")
    connection = await asyncpg.connect(address)
    try:
        return int(await connection.fetchval(STORED)) // int(body["accepted"])
    finally:
        await connection.close()


async def _hammer(url: str, path: str, token: str, at_once: int, seconds: float, kind: str) -> dict[str, Any]:
    arguments = (url, path, token, str(at_once), str(seconds), kind)
    found: dict[str, Any] = json.loads((await result_of("tests.load.hammer", *arguments)).splitlines()[-1])
    if found["refused"]:
        raise RuntimeError(f"{kind}: requests were refused: {found['refused']}")
    return found


async def run() -> Report:
    """About two minutes."""
    os.environ.update(CHECKS)
    rounds, seconds = int(os.environ.get("BENCH_ROUNDS", "7")), float(os.environ.get("BENCH_SECONDS", "6"))
    async with AsyncExitStack() as scope:
        stack = await scope.enter_async_context(system("postgres", "nats", "intake"))
        size = await stored_bytes(stack)
        port = find_free_port()
        env = stack.environment("intake") | {"EVERDESK_PORT": str(port), PAYLOAD_VARIABLE: str(size)}
        route = await scope.enter_async_context(running("tests.load.bare_route", env=env, log=Path("/dev/null")))

        async def is_ready() -> bool:
            return await probe.http_status("127.0.0.1", port, "/readyz") == 200

        await probe.until(is_ready, within=30, what="the bare route")
        bare = (f"http://127.0.0.1:{port}", "/rows", "none")
        intake = (stack.urls["intake"], "/v1/tickets", stack.secrets.api_key)
        targets = {"bare": bare, "keyed": intake, "plain": intake}
        found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in targets}
        for kind, (url, path, token) in targets.items():
            await _hammer(url, path, token, AT_ONCE, 2, kind)
        postgres = stack.pids["postgres"]
        served_by = {"bare": route.pid, "keyed": stack.pids["intake"], "plain": stack.pids["intake"]}
        for _ in range(rounds):
            for kind, (url, path, token) in targets.items():
                meter = CpuMeter({"process": served_by[kind], "postgres": postgres})
                found[kind].append(await _hammer(url, path, token, AT_ONCE, seconds, kind))
                found[kind][-1] |= {name: ms / found[kind][-1]["accepted"] for name, ms in meter.read().items()}
                print(f"  {kind}: {found[kind][-1]}", flush=True)
        crowded = [await _hammer(*intake, MANY_AT_ONCE, seconds, "keyed") for _ in range(rounds)]
    return _report(found, crowded, size, rounds, seconds)


def _report(
    found: dict[str, list[dict[str, Any]]], crowded: list[dict[str, Any]], size: int, rounds: int, seconds: float
) -> Report:
    def mid(kind: str, figure: str) -> float:
        return float(statistics.median(one[figure] for one in found[kind]))

    def ratio(kind: str) -> float:
        pairs = zip(found[kind], found["bare"], strict=True)
        return float(statistics.median(one["rate"] / bare["rate"] for one, bare in pairs))

    names = {
        "bare": "bare route, one row",
        "keyed": "intake, with Idempotency-Key",
        "plain": "intake, without Idempotency-Key",
    }
    report = Report("accept", "Accepting a request", METHOD)
    report.tables = [
        Table(
            f"{AT_ONCE} connections, one process",
            ("route", "201 per second", "p50 ms", "p99 ms", "to the bare route", "its CPU-ms each", "PostgreSQL's"),
            [
                [
                    names[kind],
                    *(mid(kind, figure) for figure in ("rate", "p50_ms", "p99_ms")),
                    ratio(kind),
                    *(mid(kind, figure) for figure in ("process", "postgres")),
                ]
                for kind in found
            ],
        )
    ]
    spread = float(statistics.median(one["p99_ms"] / one["p50_ms"] for one in crowded))
    report.budgets = [
        Budget("accepted per second, to the bare route (keyed)", ratio("keyed"), ">=", LIMIT),
        Budget(f"p99 to p50 with {MANY_AT_ONCE} connections (keyed)", spread, "<=", SPREAD),
    ]
    report.notes = [
        f"{rounds} rounds of {seconds:g} s each; the row weighs {size} bytes.",
        "keyed to bare, round by round: "
        + ", ".join(
            f"{one['rate'] / bare['rate']:.2f}" for one, bare in zip(found["keyed"], found["bare"], strict=True)
        ),
        f"{MANY_AT_ONCE} connections, p50 and p99 in ms: "
        + ", ".join(f"{one['p50_ms']:.0f} and {one['p99_ms']:.0f}" for one in crowded),
        "The key's rate limit is counted for each request but set too high to be reached.",
    ]
    return report
