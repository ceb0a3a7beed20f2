"""Limits how many background calls run at once while foreground calls are slow: openings yield to agents' commands.

Own code: the limiters on PyPI count calls, or calls a second; none follows the time that other calls take.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from statistics import median

COUNTED = 8
"""Answers whose median counts, so that one slow answer changes nothing."""
CALM_SECONDS = 3600.0
"""The least median of this time is what an answer takes when nothing else goes on."""
RECENT_SECONDS = 5.0
"""An answer that is older tells nothing of now."""
GROW_BELOW, SHRINK_ABOVE = 1.4, 1.7
"""Times a calm answer: one more call after quicker answers, half as many after slower ones."""
STALLED_SECONDS = 0.5
"""A call that takes longer holds up no other: it waits for something of its own."""


class AnswerTimes:
    """How long people wait for answers, compared with a calm time of the last hour."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock` tells seconds."""
        self._clock = clock
        self._recent: deque[tuple[float, float]] = deque(maxlen=COUNTED)
        self._calm: deque[tuple[float, float]] = deque()
        """When a median was taken, and the median: each is greater than those before it."""
        self.count = 0
        """Answers so far."""

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Counts the duration of the block, unless it raises."""
        began = self._clock()
        yield
        now = self._clock()
        self._recent.append((now, now - began))
        self.count += 1
        if self.count % COUNTED == 0:
            self._keep_calm(now, self._median())

    def slowdown(self) -> float | None:
        """Recent answers' time to that of calm ones; None if nobody has asked lately, or too little is known."""
        if len(self._recent) < COUNTED or not self._calm or self._clock() - self._recent[-1][0] > RECENT_SECONDS:
            return None
        return self._median() / self._calm[0][1]

    def _median(self) -> float:
        return median(seconds for _, seconds in self._recent)

    def _keep_calm(self, now: float, seconds: float) -> None:
        while self._calm and self._calm[-1][1] >= seconds:
            self._calm.pop()
        self._calm.append((now, seconds))
        while now - self._calm[0][0] > CALM_SECONDS:
            self._calm.popleft()


class BackgroundLimit:
    """At most so many calls of work that can wait, and fewer while people wait longer than in calm times.

    A burst of events then stays in JetStream for longer, and agents' commands are answered nearly as soon as without
    it. With processors to spare, or with nobody at work, the limit stays at its most.
    """

    def __init__(self, most: int, foreground: AnswerTimes, stalled: float = STALLED_SECONDS) -> None:
        """`most` is never passed; `foreground` must not slow; after `stalled` seconds a call no longer counts."""
        self._most = most
        self._foreground = foreground
        self._stalled_after = stalled
        self._limit = most
        self._seen = 0
        self._under_way = 0
        self._stalled = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def limit(self) -> int:
        """How many calls may be under way now."""
        return self._limit

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Waits for a place, in the order of asking, and holds it during the block."""
        await self._enter()
        is_stalled = False

        def stall() -> None:
            nonlocal is_stalled
            is_stalled = True
            self._stalled += 1
            self._admit()

        timer = asyncio.get_running_loop().call_later(self._stalled_after, stall)
        try:
            yield
        finally:
            timer.cancel()
            self._stalled -= is_stalled
            self._leave()

    async def _enter(self) -> None:
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        self._admit()
        try:
            await place
        except asyncio.CancelledError:
            if not place.cancelled():
                self._leave()
            raise

    def _leave(self) -> None:
        self._under_way -= 1
        self._adapt()
        self._admit()

    def _admit(self) -> None:
        """Lets those in who have waited longest."""
        while self._waiting and self._under_way < self._most and self._under_way - self._stalled < self._limit:
            place = self._waiting.popleft()
            if not place.cancelled():
                self._under_way += 1
                place.set_result(None)

    def _adapt(self) -> None:
        slowdown = self._foreground.slowdown()
        if slowdown is None:
            self._limit = self._most
        elif self._foreground.count >= self._seen + COUNTED // 2:
            self._seen = self._foreground.count
            if slowdown > SHRINK_ABOVE:
                self._limit = max(1, self._limit // 2)
            elif slowdown < GROW_BELOW:
                self._limit = min(self._most, self._limit + 1)
