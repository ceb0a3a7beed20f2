"""`everdesk status`: the whole system at a glance, and an exit status that scripts can trust."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
import httpx2
import psutil
from nats.js.api import ConsumerInfo
from nats.js.errors import NotFoundError
from rich.console import Console

from deploy.cli.environment import (
    DATABASE_URL,
    database_url,
    environment_of,
    named_environments,
    named_process_urls,
    running_stack,
)
from deploy.cli.errors import CliError
from deploy.cli.read_only_bus import connected
from deploy.local.plan import SERVICES
from deploy.local.running_stack import RunningStack
from deploy.local.settings import HOST
from shared.contracts.names import DEAD_STREAM, STREAM
from shared.kit.outbox_order import STATE

ANSWERS_WITHIN = 5.0
MEGABYTE = 1024 * 1024
LAG_METRIC = "everdesk_projection_lag_now_seconds"
MOST_LAG_SECONDS = 2.0
MAILS = """
select count(*) filter (where status in ('waiting', 'queued', 'sending')), count(*) filter (where status = 'failed')
from deliveries where status in ('waiting', 'queued', 'sending', 'failed')
"""


@dataclass(frozen=True, slots=True)
class StatusLine:
    """One thing that is as it should be, or not."""

    name: str
    state: str
    is_good: bool
    more: str = ""


def status(console: Console) -> bool:
    """Shows everything; True if all of it is as it should be."""
    stack = None if named_environments() else running_stack()
    urls = _process_urls(stack) if stack else named_process_urls()
    lines = {
        "Processes": _processes(stack) if stack else [],
        "Readiness": asyncio.run(_readiness(urls)),
        "Waiting to be published (outboxes)": asyncio.run(_outboxes()),
        "Waiting to be consumed": asyncio.run(_consumers()),
        "Read model": [asyncio.run(_lag(urls["assignment"]))] if "assignment" in urls else [],
        "Mails": [asyncio.run(_mails())],
    }
    for heading, several in ((heading, several) for heading, several in lines.items() if several):
        console.print(heading, style="bold")
        for line in several:
            console.print(
                f"  {line.name:<28} {line.state:<14} {line.more}".rstrip(), style="" if line.is_good else "red"
            )
    return all(line.is_good for several in lines.values() for line in several)


def _processes(stack: RunningStack) -> list[StatusLine]:
    return [_process(name, pid) for name, pid in stack.pids.items()]


def _process(name: str, pid: int) -> StatusLine:
    try:
        process = psutil.Process(pid)
        memory = process.memory_info().rss // MEGABYTE
        is_alive = process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return StatusLine(name, "gone", is_good=False, more=f"process {pid}")
    return StatusLine(name, "running" if is_alive else "dead", is_good=is_alive, more=f"process {pid}, {memory} MB")


def _process_urls(stack: RunningStack) -> dict[str, str]:
    """Where the local stack's processes answer."""
    urls = {name: str(getattr(stack.urls, name)) for name in (*SERVICES, "mail") if getattr(stack.urls, name)}
    if "worker" in stack.ports:
        urls["worker"] = f"http://{HOST}:{stack.ports['worker']}"
    if "mail_in_http" in stack.ports:
        urls["mail_in"] = f"http://{HOST}:{stack.ports['mail_in_http']}"
    return urls


async def _readiness(urls: Mapping[str, str]) -> list[StatusLine]:
    async with httpx2.AsyncClient(timeout=ANSWERS_WITHIN, trust_env=False) as http:
        return list(await asyncio.gather(*(_ready(http, name, url) for name, url in urls.items())))


async def _ready(http: httpx2.AsyncClient, name: str, url: str) -> StatusLine:
    try:
        got = await http.get(f"{url}/readyz")
        body = got.json()
    except (httpx2.HTTPError, ValueError) as problem:
        return StatusLine(name, "no answer", is_good=False, more=repr(problem))
    return readiness_line(name, got.status_code, body)


def readiness_line(name: str, http_status: int, body: Mapping[str, Any]) -> StatusLine:
    """What `/readyz` said: degraded still serves, and is named."""
    dependencies = ", ".join(f"{what} {state}" for what, state in body.get("dependencies", {}).items())
    degraded = bool(body.get("degraded"))
    state = "degraded" if degraded and http_status == 200 else str(body.get("status", http_status)).replace("_", " ")
    return StatusLine(name, state, is_good=http_status == 200 and not degraded, more=dependencies)


async def _lag(url: str) -> StatusLine:
    """How far assignment's read model is behind, as its metrics say."""
    try:
        token = environment_of("assignment", DATABASE_URL).get("EVERDESK_METRICS_TOKEN")
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with httpx2.AsyncClient(timeout=ANSWERS_WITHIN, trust_env=False) as http:
            answer = await http.get(f"{url}/metrics", headers=headers)
        if answer.status_code in (401, 403):
            return StatusLine(
                "projection lag", "unknown", is_good=True, more="/metrics is closed to us: set EVERDESK_METRICS_TOKEN"
            )
        return lag_line(answer.text)
    except (httpx2.HTTPError, CliError) as problem:
        return StatusLine("projection lag", "unknown", is_good=False, more=repr(problem))


def lag_line(metrics: str) -> StatusLine:
    """The present lag of the projection; over two seconds is too much."""
    values = (line.split()[-1] for line in metrics.splitlines() if line.startswith(f"{LAG_METRIC} "))
    seconds = next((float(value) for value in values), None)
    if seconds is None:
        return StatusLine("projection lag", "unknown", is_good=False, more="/metrics does not tell")
    return StatusLine("projection lag", f"{seconds:.2f} s", is_good=seconds <= MOST_LAG_SECONDS)


async def _outboxes() -> list[StatusLine]:
    return list(await asyncio.gather(*(_outbox(service) for service in SERVICES)))


async def _outbox(service: str) -> StatusLine:
    try:
        return outbox_line(service, *(await _first_row(service, STATE) or (0, None, 0, 0)))
    except (OSError, TimeoutError, asyncpg.PostgresError, CliError) as problem:
        return StatusLine(service, "unknown", is_good=False, more=repr(problem))


async def _mails() -> StatusLine:
    try:
        return mails_line(*(await _first_row("notification", MAILS) or (0, 0)))
    except (OSError, TimeoutError, asyncpg.PostgresError, CliError) as problem:
        return StatusLine("mails out", "unknown", is_good=False, more=repr(problem))


async def _first_row(service: str, query: str) -> asyncpg.Record | None:
    """What a query of one row answers, within ANSWERS_WITHIN seconds."""
    async with asyncio.timeout(ANSWERS_WITHIN):
        connection = await asyncpg.connect(database_url(service).replace("+asyncpg", "", 1))
        try:
            return await connection.fetchrow(query)
        finally:
            await connection.close()


def mails_line(waiting: int, failed: int) -> StatusLine:
    """How many mails wait to be sent; those that failed for good need an operator."""
    more = f"{failed} failed: GET /v1/deliveries?status=failed, then POST /v1/deliveries/ID/retry" if failed else ""
    return StatusLine("mails out", f"{waiting} mails", is_good=not failed, more=more)


def outbox_line(service: str, waiting: int, oldest: timedelta | None, parked: int, behind: int = 0) -> StatusLine:
    """How much waits to be published; what the bus refuses for good needs an operator."""
    more = [f"oldest {oldest.total_seconds():.1f} s"] if oldest else []
    if parked:
        after = f", and {behind} wait behind" if behind else ""
        more.append(f"{parked} parked, refused by the bus{after}: everdesk outbox list")
    return StatusLine(service, f"{waiting} events", is_good=not parked, more=", ".join(more))


def consumer_lines(consumers: Iterable[ConsumerInfo]) -> list[StatusLine]:
    """The durable ones by name: what only reads for open pages ends with its process, and nothing waits in it."""
    return [
        StatusLine(one.name, f"{(one.num_pending or 0) + (one.num_ack_pending or 0)} events", is_good=True)
        for one in sorted(consumers, key=lambda one: one.name)
        if one.config.durable_name
    ]


async def _consumers() -> list[StatusLine]:
    try:
        return await _consumed()
    except CliError as problem:
        return [StatusLine(STREAM, "unknown", is_good=False, more=str(problem))]


async def _consumed() -> list[StatusLine]:
    async with connected() as bus:
        js = await bus.jetstream()
        try:
            consumers = await js.consumers_info(STREAM)
            buried = (await js.stream_info(DEAD_STREAM)).state.messages
        except NotFoundError:
            return [StatusLine(STREAM, "no stream", is_good=False, more="no service has started yet")]
    hint = "everdesk dead-letters list" if buried else ""
    return [*consumer_lines(consumers), StatusLine("dead letters", f"{buried} events", is_good=not buried, more=hint)]
