"""Doing one thing many times: how long each took, and what it cost the processes that did it."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from tests.load.meter import CpuMeter

Act = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Driven:
    """A round: how many a second, milliseconds each took, CPU milliseconds for each."""

    rate: float
    times: Sequence[float]
    cpu: float

    def at(self, share: float) -> float:
        """The quantile of the times, 0 where none were taken."""
        ordered = sorted(self.times)
        return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


async def drive(acts: Sequence[Act], count: int, at_once: int, meter: CpuMeter, rest: Act | None = None) -> Driven:
    """Does `count` in all, `at_once` side by side, each of these in turn; `rest` waits for what they set in motion."""
    times: list[float] = []
    remaining = iter(range(count))

    async def one(act: Act) -> None:
        for _ in remaining:
            began = time.perf_counter()
            await act()
            times.append((time.perf_counter() - began) * 1000)

    meter.restart()
    began = time.perf_counter()
    await asyncio.gather(*(one(acts[number % len(acts)]) for number in range(at_once)))
    took = time.perf_counter() - began
    if rest is not None:
        await rest()
    return Driven(count / took, times, sum(meter.read().values()) / count)


def middle(rounds: Sequence[Driven], read: Callable[[Driven], float]) -> float:
    """The median over rounds."""
    return statistics.median(map(read, rounds))
