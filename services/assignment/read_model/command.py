"""`read-model rebuild [--check]`: the read model compared with the event log, or made anew from it."""

import argparse
import asyncio
import sys
import time
from uuid import UUID

from services.assignment.read_model.reconcile import RowDifference, reconcile
from services.assignment.routing.agent_loads import LoadDifference, check_loads, correct_loads
from services.assignment.settings import AssignmentSettings
from shared.kit.db import Database

SHOWN = 20
"""Differences that are told one by one."""
TOLD_EVERY_SECONDS = 2.0


def run_read_model() -> None:
    """`read-model rebuild [--check] [--after ID]`; with `--check` exits with 1 where anything differs."""
    parser = argparse.ArgumentParser(prog="read-model", description="The read model and the event log.")
    parser.add_argument("action", choices=["rebuild"])
    parser.add_argument("--check", action="store_true", help="only report differences")
    parser.add_argument("--after", type=UUID, default=UUID(int=0), help="go on after this ticket's id")
    asked = parser.parse_args(sys.argv[2:])
    differing = asyncio.run(rebuild(AssignmentSettings(), is_check=asked.check, after=asked.after))
    if asked.check and differing:
        sys.exit(1)


async def rebuild(settings: AssignmentSettings, *, is_check: bool, after: UUID = UUID(int=0)) -> int:
    """Goes through all tickets, then agents' loads, and prints how far it is; the number of differences found."""
    database, began = Database.connect(settings), time.monotonic()
    told, differing = began, 0
    try:
        async for progress in reconcile(database, is_check=is_check, after=after):
            for one in progress.differences[: max(0, SHOWN - differing)]:
                _say(format_difference(one))
            differing += len(progress.differences)
            if time.monotonic() - told >= TOLD_EVERY_SECONDS:
                told = time.monotonic()
                rate = progress.events / (told - began)
                _say(f"{progress.tickets} tickets, {progress.events} events, {rate:.0f} events/s, at {progress.last}")
        async with database.begin() as session:
            loads = await (check_loads(session) if is_check else correct_loads(session))
        for load in loads[: max(0, SHOWN - differing)]:
            _say(format_load_difference(load))
        differing += len(loads)
    finally:
        await database.dispose()
    seconds = time.monotonic() - began
    outcome = "differ" if is_check else "corrected"
    _say(f"{progress.tickets} tickets, {progress.events} events in {seconds:.1f} s: {differing} values {outcome}.")
    return differing


def format_difference(one: RowDifference) -> str:
    """One line: the ticket, the column, and both values."""
    return f"{one.ticket_id} {one.what}: the read model has {_brief(one.stored)}, the log {_brief(one.expected)}"


def format_load_difference(one: LoadDifference) -> str:
    """One line: the agent, the priority, and both numbers of open tickets."""
    return f"agent {one.agent_id}, {one.priority.value}: {one.kept} open tickets are kept, {one.counted} counted"


def _brief(value: object) -> str:
    said = str(value)
    return said if len(said) <= 60 else f"{said[:57]}..."


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
