"""`python -m tests.chaos.run --seed N --minutes M`: one run and its report; exit 1 if anything is wrong."""

import argparse
import asyncio
import os
import random
import sys

from tests.chaos.run.plan import FaultKind
from tests.chaos.run.plants import PLANTS
from tests.chaos.run.reporting import keep, summary
from tests.chaos.run.session import ChaosOrder, ChaosResult, carry_out
from tests.chaos.run.system import chaos_system


def asked() -> ChaosOrder:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.randrange(2**31), help="the same faults again")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--plant", choices=sorted(PLANTS), default="", help="a bug that the run must find")
    parser.add_argument("--kinds", nargs="+", choices=[str(kind) for kind in FaultKind], help="these faults alone")
    given = parser.parse_args()
    kinds = [FaultKind(kind) for kind in given.kinds] if given.kinds else list(FaultKind)
    return ChaosOrder(given.seed, given.minutes, given.plant, kinds)


async def run(what: ChaosOrder) -> ChaosResult:
    """On a system of its own."""
    async with chaos_system() as system:
        return await carry_out(system, what)


def main() -> int:
    """The exit status."""
    what = asked()
    print(f"seed {what.seed}, {what.minutes:g} minutes", flush=True)
    result = asyncio.run(run(what))
    print(summary(result), flush=True)
    if not what.plant:
        keep(result)
    return 0 if result.is_good else 1


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    os._exit(status)
