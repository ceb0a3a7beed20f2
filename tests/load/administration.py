"""How long an administrator waits for a list: a page of a thousand agents, the search in it, canned responses."""

import statistics
import time

import asyncpg
import httpx2

from shared.kit.clock import new_id
from tests.load.report import Budget, Report, Table
from tests.load.system import system

AGENTS, RESPONSES, REQUESTS = 1_000, 500, 200
LIMIT_MILLISECONDS = 25.0
PARTS = ("postgres", "nats", "temporal", "mail", "worker", "assignment")
PATHS = {
    "the first page of agents": "/admin/agents",
    "agents, searched": "/admin/agents?q=agent+07",
    "teams": "/admin/teams",
    "canned responses": "/admin/canned-responses",
}
METHOD = f"""\
{AGENTS:,} agents with a role in one team each and {RESPONSES} canned responses; each page is asked for {REQUESTS}
times, one after another, over a kept connection on the same machine, by an administrator who is signed in. Times are
the client's, so they hold the connection and the rendering of the whole page."""
FILL = """
with one as (select id from teams order by slug limit 1), may as (select id from roles where name = 'Limited'),
made as (
  insert into agents (id, email, name, is_active, is_available, skills, version)
  select gen_random_uuid(), 'bench-' || n || '@everdesk.example', 'Bench agent ' || lpad(n::text, 4, '0'), true, false,
    '{}', 1
  from generate_series(1, $1::int) n returning id
)
insert into memberships (agent_id, team_id, role_id) select made.id, one.id, may.id from made, one, may
"""
RESPONSE = "insert into canned_responses (id, title, body, version) values ($1, $2, $3, 1)"


async def run() -> Report:
    """About a minute."""
    report = Report("administration", "Lists of the administration", METHOD)
    async with system(*PARTS) as stack:
        await _fill(stack.environment("assignment")["EVERDESK_DATABASE_URL"])
        async with httpx2.AsyncClient(base_url=stack.urls["assignment"], timeout=30) as http:
            signed_in = await http.post("/v1/sessions", json=stack.login)
            signed_in.raise_for_status()
            http.headers["Cookie"] = f"everdesk_session={signed_in.json()['access_token']}"
            taken = {what: await _times(http, path) for what, path in PATHS.items()}
    rows = [(what, statistics.median(times), _p95(times)) for what, times in taken.items()]
    report.tables = [Table("Milliseconds", ("page", "median", "95th percentile"), rows)]
    report.budgets = [Budget(f"{what}, 95th percentile in ms", p95, "<=", LIMIT_MILLISECONDS) for what, _, p95 in rows]
    return report


async def _fill(url: str) -> None:
    connection = await asyncpg.connect(url.replace("+asyncpg", "", 1))
    try:
        await connection.execute(FILL, AGENTS)
        texts = [(new_id(), f"Answer {number}", "Hello {{requester.name}}") for number in range(RESPONSES)]
        await connection.executemany(RESPONSE, texts)
    finally:
        await connection.close()


async def _times(http: httpx2.AsyncClient, path: str) -> list[float]:
    times = []
    for _ in range(REQUESTS):
        started = time.perf_counter()
        (await http.get(path)).raise_for_status()
        times.append((time.perf_counter() - started) * 1000)
    return times


def _p95(times: list[float]) -> float:
    return sorted(times)[round(len(times) * 0.95) - 1]
