"""`python -m tests.load [name ...]`: runs benchmarks, keeps their reports, fails if a budget is missed."""

import asyncio
import importlib
import os
import sys

from tests.load.report import Report

BENCHMARKS = (
    "accept",
    "outage",
    "lifecycle",
    "memory",
    "business_time",
    "long_history",
    "timers",
    "what_if",
    "time_travel",
    "upload",
    "mail",
    "mail_out",
    "abuse",
    "restart",
    "fuzz_mail",
    "fuzz_api",
    "growth",
    "access",
    "desk",
    "watchers",
    "idle",
    "administration",
    "routing",
    "reports",
    "tracing",
    "storage",
    "incident",
    "load",
    "burst",
    "soak",
)


def main() -> int:
    """The exit status: 0 if every budget is kept."""
    names = sys.argv[1:] or list(BENCHMARKS)
    if unknown := [name for name in names if name not in BENCHMARKS]:
        print(f"unknown: {', '.join(unknown)}; the benchmarks are {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    missed: list[str] = []
    for name in names:
        print(f"== {name}", flush=True)
        report: Report = asyncio.run(importlib.import_module(f"tests.load.{name}").run())
        report.publish()
        if not report.is_met:
            missed.append(name)
    if missed:
        print(f"budgets missed: {', '.join(missed)}", file=sys.stderr)
    return 1 if missed else 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)
