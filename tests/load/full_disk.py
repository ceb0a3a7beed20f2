"""A full disk under the whole system: how soon it is told, what is refused, how soon all is well again."""

import asyncio
import time
from functools import partial
from pathlib import Path

import httpx2

from tests.load.report import Budget, Table
from tests.local.running import LocalStack
from tests.support.api import SystemClients, status_is
from tests.support.eventually import eventually
from tests.support.small_disk import NoSmallDiskError, filled, is_told, is_well, small_disk, submit

FULL_SECONDS = 20.0
TOLD_WITHIN = 15.0
WELL_WITHIN = 90.0
NAME = "full disk"


async def measure() -> tuple[list[Table], list[Budget], list[str]]:
    """Tables, budgets and notes; only a note where no small disk can be mounted."""
    try:
        with small_disk() as disk:
            return await _measure_on(disk)
    except NoSmallDiskError as reason:
        return [], [], [f"{NAME}: not measured, {reason}"]


async def _measure_on(disk: Path) -> tuple[list[Table], list[Budget], list[str]]:
    stack = LocalStack.in_folder(disk, has_stubs=False)
    await stack.start(within=120)
    try:
        system = SystemClients(stack.described())
        async with httpx2.AsyncClient() as http:
            results: list[str | None] = []
            async with filled(disk):
                told = await _submit_while_full(http, system, results)
            freed = time.monotonic()
            for service in ("intake", "assignment", "notification"):
                await eventually(partial(is_well, http, stack.described()["urls"][service]), within=300)
            well = time.monotonic() - freed
        accepted = [ticket_id for ticket_id in results if ticket_id]
        lost = await _lost(system, accepted)
    finally:
        await stack.stop()
    columns = ("told after, s", "accepted", "refused with 503", "well again after, s", "lost")
    row = (told, len(accepted), len(results) - len(accepted), well, lost)
    budgets = [
        Budget(f"{NAME}: seconds until readiness tells", told, "<=", TOLD_WITHIN),
        Budget(f"{NAME}: seconds from space to all well", well, "<=", WELL_WITHIN),
        Budget(f"{NAME}: accepted and lost", lost, "==", 0),
    ]
    return [Table(f"{NAME}: filled for {FULL_SECONDS:.0f} s", columns, [row])], budgets, []


async def _submit_while_full(http: httpx2.AsyncClient, system: SystemClients, results: list[str | None]) -> float:
    """Seconds until readiness named what is wrong; what came of each submission is added to `results`."""
    started, told = time.monotonic(), FULL_SECONDS
    while (passed := time.monotonic() - started) < FULL_SECONDS:
        results.append(await submit(http, system, len(results)))
        if told >= FULL_SECONDS and await is_told(http, system.intake.base_url):
            told = passed
        await asyncio.sleep(0.2)
    return told


async def _lost(system: SystemClients, accepted: list[str]) -> int:
    ada = await system.sign_in("ada@everdesk.example")
    found = await asyncio.gather(
        *(status_is(ada, ticket_id, "open", within=60) for ticket_id in accepted), return_exceptions=True
    )
    return sum(isinstance(one, BaseException) for one in found)
