"""Who has to wait for whom: the costly work of one client waits for that client's own, never for everybody's."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

CLIENT: ContextVar[Callable[[], str] | None] = ContextVar("client", default=None)
"""Names the network whose request is being answered; None for work of our own, such as mails that came in."""
WAITING = 32
"""Pieces of work that one client may have at the same time."""
SECONDS = 20.0
"""Of work for one client, a minute."""
WINDOW = 60.0
LIVELY = 10_000
"""Clients that are remembered before those are forgotten that have their whole share again."""


class LaneFull(Exception):
    """The client has to come back later."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"too much work at once; again in {retry_after} s")
        self.retry_after = retry_after


@dataclass(slots=True)
class _Lane:
    is_taken: asyncio.Lock = field(default_factory=asyncio.Lock)
    pieces: int = 0


class ClientLanes:
    """One piece of work at a time for each client, a few that wait, and so many seconds of work a minute."""

    def __init__(self, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds_each = WINDOW / seconds
        self._clock = clock
        self._lanes: dict[str, _Lane] = {}
        self._whole_at: dict[str, float] = {}

    @asynccontextmanager
    async def turn(self, *, longest: float, is_refusable: bool = True) -> AsyncIterator[None]:
        """The block runs when no other work of the client does. Raises LaneFull, unless it is not refusable.

        Its time is taken from the client's share, but no more than `longest`: a busy machine is nobody's fault.
        """
        asking = CLIENT.get()
        if asking is None:
            yield
            return
        client = asking()
        lane = self._lanes.setdefault(client, _Lane())
        if is_refusable:
            self._refuse_if_spent(client, lane)
        lane.pieces += 1
        try:
            async with lane.is_taken:
                started = self._clock()
                try:
                    yield
                finally:
                    if is_refusable:
                        self._charge(client, min(self._clock() - started, longest))
        finally:
            lane.pieces -= 1
            if not lane.pieces:
                self._lanes.pop(client, None)

    def _refuse_if_spent(self, client: str, lane: _Lane) -> None:
        missing = self._whole_at.get(client, 0.0) - self._clock()
        if missing >= WINDOW:
            raise LaneFull(math.ceil(missing - WINDOW) + 1)
        if lane.pieces >= WAITING:
            raise LaneFull(2)

    def _charge(self, client: str, seconds: float) -> None:
        now = self._clock()
        if len(self._whole_at) > LIVELY:
            self._whole_at = {known: at for known, at in self._whole_at.items() if at > now}
        self._whole_at[client] = max(self._whole_at.get(client, now), now) + seconds * self._seconds_each
