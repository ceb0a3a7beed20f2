"""Schemathesis against a running intake, and what intake itself says of the requests it got."""

import asyncio
import re
import sys
import sysconfig
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

from tests.local.running import CHECKOUT, LocalStack

SCHEMATHESIS = Path(sysconfig.get_path("scripts")) / "st"
ALL_SCOPES = ("create", "read", "reply", "admin")
NO_LIMITS = {
    "EVERDESK_ADDRESS_PER_MINUTE": "10000000",
    "EVERDESK_BAD_KEYS_PER_MINUTE": "10000000",
    "EVERDESK_FORM_PER_MINUTE": "10000000",
    "EVERDESK_UPLOADS_PER_MINUTE": "10000000",
    "EVERDESK_SEARCH_PER_MINUTE": "10000000",
    "EVERDESK_REQUESTER_PER_HOUR": "0",
    "EVERDESK_MAX_OPEN_TICKETS": "0",
    "EVERDESK_FORM_MIN_SECONDS": "0",
    "EVERDESK_STREAM_SECONDS": "0.2",
}
"""Nothing is turned away for coming too often, and a stream ends soon: what is looked for lies behind that."""
NOT_ASKED = "positive_data_acceptance,ensure_resource_availability"
"""Checks that do not apply: rules such as "a topic of ours" are beyond JSON Schema, and a repeated idempotency key gets
the answer about what it made, even if that has been deleted since."""
NOT_ASKED_WHERE_PATHS_OVERLAP = f"{NOT_ASKED},unsupported_method"
"""`/rollouts/preview` is also a value of `/rollouts/{id}`: the framework's `Allow` names the first route alone."""
_COUNT = re.compile(r"^everdesk_http_request_seconds_count\{(.*)\} ([0-9.e+]+)$", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_CASES = re.compile(r"([0-9]+) generated(?:, [0-9]+ found ([0-9]+) unique failures?)?")


@dataclass(frozen=True, slots=True)
class FuzzOutcome:
    """What a run of Schemathesis found."""

    is_clean: bool
    cases: int
    failures: int
    output: str


@asynccontextmanager
async def open_stack(
    folder: Path, prepare: Callable[[LocalStack], Awaitable[None]] | None = None
) -> AsyncIterator[LocalStack]:
    """The whole system, with its limits out of the way."""
    running = LocalStack.in_folder(folder, has_stubs=False)
    running.settings = NO_LIMITS
    if prepare is not None:
        await prepare(running)
    await running.start(within=120)
    try:
        yield running
    finally:
        await running.stop()


async def make_key(stack: LocalStack, *scopes: str) -> str:
    """A key without a limit worth mentioning."""
    arguments = [part for scope in scopes for part in ("--scope", scope)]
    everdesk = (sys.executable, "-m", "deploy.cli", "api-keys", "create", "fuzz", "--per-minute", "1000000")
    status, said = await _run(*everdesk, *arguments, env={"EVERDESK_HOME": str(stack.state)})
    assert status == 0, said
    return said.split()[-1]


async def hammer(
    url: str, key: str, *, examples: int, phases: str, seconds: int, seed: int, not_asked: str = NOT_ASKED
) -> FuzzOutcome:
    """Asks every operation of the document for what it may and what it may not be asked, as the holder of `key`."""
    with tempfile.TemporaryDirectory() as folder:
        status, said = await _run(
            *(str(SCHEMATHESIS), "run", f"{url}/openapi.json", "--header", f"Authorization: Bearer {key}"),
            *("--max-examples", str(examples), "--phases", phases, "--max-time", str(seconds), "--seed", str(seed)),
            *("--exclude-checks", not_asked, "--request-timeout", "40", "--continue-on-failure"),
            *("--generation-database", "none", "--warnings", "off", "--no-color"),
            cwd=Path(folder),
        )
    found = _CASES.search(said)
    assert found, said
    return FuzzOutcome(status == 0, int(found[1]), int(found[2] or 0), said)


async def answered(url: str) -> Counter[tuple[str, str]]:
    """How often each route gave each status, as intake counts itself."""
    async with httpx2.AsyncClient() as http:
        text = (await http.get(f"{url}/metrics")).text
    found: Counter[tuple[str, str]] = Counter()
    for labels, count in _COUNT.findall(text):
        label = dict(_LABEL.findall(labels))
        found[f"{label['method']} {label['route']}", label["status"]] += int(float(count))
    return found


def server_errors(counted: Counter[tuple[str, str]]) -> dict[str, int]:
    """What went wrong on our side, by route and status; readiness says 503 when the machine is too busy to look."""
    failed = {f"{route} {status}": count for (route, status), count in counted.items() if status.startswith("5")}
    return {name: count for name, count in failed.items() if name != "GET /readyz 503"}


async def _run(*command: str, env: dict[str, str] | None = None, cwd: Path = CHECKOUT) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        env={"PATH": str(SCHEMATHESIS.parent), "LANG": "C.UTF-8", "HOME": str(cwd)} | (env or {}),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode is not None
    return process.returncode, output.decode(errors="replace")
