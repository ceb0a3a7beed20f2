"""Schemathesis over the whole OpenAPI document of the running intake, for minutes."""

import os
import tempfile
from collections import Counter
from pathlib import Path

from shared.kit.clock import new_id
from tests.fuzz.schemathesis_run import ALL_SCOPES, answered, hammer, make_key, open_stack, server_errors
from tests.load.report import Budget, Report, Table

EXAMPLES = int(os.environ.get("BENCH_EXAMPLES", "100"))
SECONDS = int(os.environ.get("BENCH_SECONDS", "900"))
PHASES = "examples,coverage,fuzzing,stateful"
METHOD = """\
The whole system runs as `make run` starts it, with rate limits and caps out of the way and streams that end after a
second; the key has every scope. Schemathesis reads `/openapi.json` and sends each operation its examples, then values
at and just beyond every bound of its schema, then random ones, valid and not, then chains of calls that use each
other's answers. It judges each answer: no server error, only documented statuses, media types and bodies, invalid data
refused, no way around the key, methods that are not offered refused with a true `Allow`. Two of its checks are left
out: `positive_data_acceptance`, for rules such as "a topic of ours" are beyond JSON Schema, and
`ensure_resource_availability`, for a repeated idempotency key gets the answer about what it made even if that has been
deleted since. Statuses are counted by intake itself (`/metrics`)."""


async def run() -> Report:
    """The report."""
    seed = new_id().int % 2**32
    with tempfile.TemporaryDirectory(prefix="everdesk-fuzz-") as folder:
        async with open_stack(Path(folder)) as stack:
            url = stack.described()["urls"]["intake"]
            key = await make_key(stack, *ALL_SCOPES)
            outcome = await hammer(url, key, examples=EXAMPLES, phases=PHASES, seconds=SECONDS, seed=seed)
            counted = await answered(url)
    if not outcome.is_clean:
        print(outcome.output)
    report = Report(name="fuzz_api", title="Fuzzing the intake API", method=METHOD)
    report.budgets = [
        Budget("server errors", float(sum(server_errors(counted).values())), "==", 0),
        Budget("failed checks", float(outcome.failures + (not outcome.is_clean and not outcome.failures)), "==", 0),
    ]
    report.tables = [Table("Answers by operation", ("operation", "2xx", "3xx", "4xx", "5xx"), _rows(counted))]
    report.notes = [
        f"{outcome.cases} test cases, at most {EXAMPLES} random examples an operation, seed {seed}.",
        *(f"server error: {what}, {count} times" for what, count in server_errors(counted).items()),
    ]
    return report


def _rows(counted: Counter[tuple[str, str]]) -> list[tuple[str, int, int, int, int]]:
    routes = sorted({route for route, _ in counted if "/v1/" in route}, key=lambda route: route.split()[::-1])
    rows = []
    for route in routes:
        two, three, four, five = (sum(n for (r, s), n in counted.items() if r == route and s[0] == c) for c in "2345")
        if two or three or five:
            rows.append((route, two, three, four, five))
    return rows
