"""`python -m tests.chaos.run --seed N --minutes M`: runs and their report; exit 1 if anything is wrong."""

import argparse
import asyncio
import os
import random
import sys

from tests.chaos.run import three_of_each
from tests.chaos.run.plan import FaultKind
from tests.chaos.run.plants import PLANTS
from tests.chaos.run.reporting import keep, keep_plants, summary
from tests.chaos.run.session import EVERY_PLANT, ChaosOrder, ChaosResult, carry_out, find_plants
from tests.chaos.run.system import chaos_system


def asked() -> list[ChaosOrder]:
    """What the command line asks for: a run for each seed, the minutes divided among them."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seed", type=int, nargs="+", default=[random.randrange(2**31)], help="the same faults again")
    parser.add_argument("--minutes", type=float, default=30.0, help="of all seeds together")
    plants = sorted([*PLANTS, EVERY_PLANT])
    parser.add_argument("--plant", choices=plants, default="", help="a bug that the run must find, or all in turn")
    parser.add_argument("--kinds", nargs="+", choices=[str(kind) for kind in FaultKind], help="these faults alone")
    given = parser.parse_args()
    kinds = [FaultKind(kind) for kind in given.kinds] if given.kinds else list(FaultKind)
    return [ChaosOrder(seed, given.minutes / len(given.seed), given.plant, kinds) for seed in given.seed]


async def run(what: ChaosOrder) -> ChaosResult:
    """On a system of its own."""
    async with chaos_system() as system:
        return await carry_out(system, what)


async def run_plants(what: ChaosOrder) -> bool:
    """Whether nothing was wrong before, and each bug was found once planted."""
    async with chaos_system() as system:
        before, found = await find_plants(system, what)
    for one in before:
        print(f"VIOLATION before any bug {one.invariant}: {one.what}", flush=True)
    keep_plants(what, found)
    return not before and all(one.first for one in found)


def carried_out(what: ChaosOrder) -> bool:
    """One run, printed and kept; whether it is as it should be."""
    print(f"seed {what.seed}, {what.minutes:g} minutes", flush=True)
    if what.plant == EVERY_PLANT:
        return asyncio.run(run_plants(what))
    result = asyncio.run(run(what))
    print(summary(result), flush=True)
    if not what.plant:
        keep(result)
    return result.is_good


def main() -> int:
    """The exit status."""
    if sys.argv[1:2] == [three_of_each.NAME]:
        return three_of_each.main(sys.argv[2:])
    verdicts = [carried_out(what) for what in asked()]
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)
