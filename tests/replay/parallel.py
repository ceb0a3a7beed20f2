"""Shares work among processes: a core each, and for real workflows a server and a clock each."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.queues import Queue
from queue import Empty
from typing import Any

from shared.contracts.policies import PolicySnapshot
from tests.replay.incident_log import Incident
from tests.replay.live import server
from tests.replay.pure import PlayedIncident, play

LOOK_SECONDS = 1.0
CHUNK = 40
"""Lives told of at once."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a process says: something it did, or at last that it is done."""

    process: int
    what: Any = None
    is_last: bool = False


Tell = Callable[[Any], None]
Work = Callable[[Sequence[Any], PolicySnapshot, Tell], None]


class ProcessFailed(RuntimeError):
    """A process ended before its work did."""


def share(things: Sequence[Any], processes: int) -> list[list[Any]]:
    """As many heaps as processes, each spread over the whole."""
    return [list(things[first::processes]) for first in range(min(processes, len(things)))]


def side_by_side(work: Work, things: Sequence[Any], policy: PolicySnapshot, processes: int) -> Iterator[Told]:
    """Does `work` on all the things and says what the processes say, as they say it. Raises ProcessFailed."""
    context = get_context("spawn")
    told: Queue[Told] = context.Queue()
    heaps = share(things, processes)
    running = [
        context.Process(target=_process, args=(number, work, heap, policy, told), daemon=True)
        for number, heap in enumerate(heaps)
    ]
    for process in running:
        process.start()
    left = len(running)
    try:
        while left:
            if any(process.exitcode for process in running):
                raise ProcessFailed("a process failed; it said why above")
            with suppress(Empty):
                said = told.get(timeout=LOOK_SECONDS)
                left -= said.is_last
                if not said.is_last:
                    yield said
    finally:
        for process in running:
            process.join(timeout=5)
            process.kill()


def _process(number: int, work: Work, heap: Sequence[Any], policy: PolicySnapshot, told: "Queue[Told]") -> None:
    """Ends well without the interpreter's clean-up, in which the Temporal client is known to crash."""
    work(heap, policy, lambda what: told.put(Told(number, what)))
    told.put(Told(number, is_last=True))
    told.close()
    told.join_thread()
    sys.stdout.flush()
    os._exit(0)


def play_purely(heap: Sequence[Incident], policy: PolicySnapshot, tell: Tell) -> None:
    """Run (a) of one process: tells of lives, a chunk at a time."""
    lives: list[PlayedIncident] = []
    for incident in heap:
        lives.append(play(incident, policy))
        if len(lives) == CHUNK:
            tell(lives)
            lives = []
    tell(lives)


def play_live(heap: Sequence[PlayedIncident], policy: PolicySnapshot, tell: Tell) -> None:
    """Real workflows of one process, on a server of its own: tells of progress."""

    async def play_all() -> None:
        async with server(policy, len(heap)) as replay:
            await replay.play(heap, tell)

    asyncio.run(play_all())
