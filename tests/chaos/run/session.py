"""One run from start to verdict: load and faults, quiet, a planted bug if one was asked for, and the oracle."""

import asyncio
import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos.run.doors import Doors
from tests.chaos.run.faults import Outcomes, Striker
from tests.chaos.run.invariants import Violation, violations
from tests.chaos.run.load import Load
from tests.chaos.run.observations import Observations
from tests.chaos.run.observe import observe, operator, until_quiet
from tests.chaos.run.plan import FaultKind, faults
from tests.chaos.run.plants import PLANTS
from tests.chaos.run.system import ChaosSystem
from tests.support.api import SystemClients

KEY = re.compile(r"hd_[0-9a-f]{16}_[\w-]+")
WARM_UP = 5.0
LONG = 20.0
"""Minutes in which each kind of fault must have hit."""


@dataclass(frozen=True, slots=True)
class ChaosOrder:
    """What kind of run."""

    seed: int
    minutes: float
    plant: str = ""
    kinds: Sequence[FaultKind] = tuple(FaultKind)


EVERY_PLANT = "all"


@dataclass
class ChaosResult:
    """What came of it."""

    asked: ChaosOrder
    outcomes: Outcomes
    done: Counter[str]
    surprises: Counter[str]
    observed: Observations
    violations: list[Violation]
    left: dict[str, int]
    missing: dict[FaultKind, str]
    slowest_answer: float
    never_hit: list[str]
    """Kinds of faults that could have been had, and never struck or never hit."""

    @property
    def is_good(self) -> bool:
        """Nothing is wrong and each kind of fault hit; with a planted bug, that bug was found."""
        if self.asked.plant:
            return any(one.invariant is PLANTS[self.asked.plant][0] for one in self.violations)
        is_complete = not self.never_hit or self.asked.minutes < LONG
        return is_complete and not (self.violations or self.left or self.outcomes.unwell)


@dataclass(frozen=True, slots=True)
class PlantResult:
    """What the oracle said of one planted bug."""

    name: str
    invariant: str
    first: str
    """The first new violation of its invariant; empty if it was not found."""


async def find_plants(system: ChaosSystem, asked: ChaosOrder) -> tuple[list[Violation], list[PlantResult]]:
    """One run, then each bug planted after the other: what was wrong before the first, and which of them are found."""
    load, striker, left = await _load_under_faults(system, asked)
    assert not left, left
    before = violations(await observe(system, load, striker.outcomes.mail_windows))
    known, found = set(before), list[PlantResult]()
    for name, (invariant, plant) in PLANTS.items():
        await plant(system, load)
        now = violations(await observe(system, load, striker.outcomes.mail_windows))
        new = [one.what for one in now if one.invariant is invariant and one not in known]
        known |= set(now)
        found.append(PlantResult(name, str(invariant), new[0] if new else ""))
        print(f"planted {name}: {new[0] if new else 'NOT FOUND'}", flush=True)
    return before, found


async def make_load(system: ChaosSystem, seed: int) -> tuple[Load, Doors]:
    """Clients with keys of their own."""
    clients = SystemClients(system.description)
    alerts, stranger = await _key(system, "Alerts of a test", "alert"), await _key(system, "Another program", "read")
    load = Load(clients, alerts, stranger, seed)
    return load, Doors(load, await clients.sign_in("ada@everdesk.example"))


async def _key(system: ChaosSystem, name: str, scope: str) -> str:
    status, output = await operator(system, "api-keys", "create", name, "--scope", scope)
    found = KEY.search(output)
    assert status == 0, output
    assert found is not None, output
    return found[0]


async def carry_out(system: ChaosSystem, asked: ChaosOrder) -> ChaosResult:
    """The whole run on a system that is well."""
    load, striker, left = await _load_under_faults(system, asked)
    if asked.plant:
        await PLANTS[asked.plant][1](system, load)
    seen = await observe(system, load, striker.outcomes.mail_windows)
    wanted = [kind for kind in asked.kinds if kind not in system.missing]
    return ChaosResult(
        asked=asked,
        outcomes=striker.outcomes,
        done=load.done,
        surprises=load.surprises,
        observed=seen,
        violations=violations(seen),
        left=left,
        missing=system.missing,
        slowest_answer=load.slowest,
        never_hit=[str(kind) for kind in wanted if not striker.outcomes.hits[kind]],
    )


async def _load_under_faults(system: ChaosSystem, asked: ChaosOrder) -> tuple[Load, Striker, dict[str, int]]:
    """Mixed load with the faults that were asked for; with what was still under way when it should have been quiet."""
    load, doors = await make_load(system, asked.seed)
    striker = Striker(system, load)
    running = asyncio.create_task(load.run(doors.clients()))
    try:
        await asyncio.sleep(WARM_UP)
        await _strike(striker, asked)
    finally:
        load.stop()
        await running
    left = await until_quiet(system, load.attempts)
    return load, striker, left


async def _strike(striker: Striker, asked: ChaosOrder) -> None:
    """Faults until the time is over; at least one."""
    until = time.monotonic() + asked.minutes * 60
    for fault in faults(asked.seed, asked.kinds):
        if fault.kind in striker.system.missing:
            continue
        print(f"{time.strftime('%H:%M:%S')} {fault.kind}: {fault.victim} ({fault.seconds} s)", flush=True)
        await striker.strike(fault)
        if time.monotonic() > until or striker.outcomes.unwell:  # what is broken already says nothing about more faults
            return
