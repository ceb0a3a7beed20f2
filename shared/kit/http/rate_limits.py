"""Rate limits: a budget per caller, counted here and shared with other processes, told in `RateLimit` headers."""

import asyncio
import math
import time
from collections.abc import Callable
from typing import NoReturn, Protocol

from fastapi import Response

from shared.kit.http.problems import Problem

WINDOW_SECONDS = 60.0
MAX_CALLERS = 200_000
"""A flood of more goes uncounted, rather than into memory or into each other's budget."""
SHARED_AT_ONCE = 20
"""A process tells the others of each twentieth of a budget: that much may be spent in each before all know of it."""
HARDLY = 1e-3
"""Seconds by which clocks may round."""


class Budgets(Protocol):
    """What all processes count together."""

    async def spend(self, name: str, caller: str, spent: float, most: float) -> float | None:
        """Adds seconds to what is missing, up to `most`, and returns it; None if it cannot be told now."""


class RateLimiter:
    """So many requests a minute per caller: all at once if they were saved up, then as fast as they come back.

    The window may be another number of seconds. A caller is one number, the instant at which the budget will be whole
    again; past it, there is nothing to remember. With `shared` budgets, processes tell each other what was spent, a
    twentieth of the budget at a time, so that most requests are counted here alone.
    """

    def __init__(
        self,
        name: str,
        quantity: int,
        clock: Callable[[], float] = time.monotonic,
        window: float = WINDOW_SECONDS,
        shared: Budgets | None = None,
        group: str = "",
    ) -> None:
        """`group` keeps budgets apart, where they are shared, that callers are told of by the same name."""
        self.name = name
        self.quantity = quantity
        self.window = window
        self._clock = clock
        self._whole_at: dict[str, float] = {}
        self._swept_at = clock()
        self._shared = shared
        self._group = group or name
        self._untold: dict[str, int] = {}
        self._asking: dict[str, asyncio.Event] = {}
        """Callers of whom the others are being told: their further requests wait for what is left."""

    @property
    def callers(self) -> int:
        """How many are remembered."""
        return len(self._whole_at)

    async def check(self, response: Response | None, caller: str) -> None:
        """Counts one request. Raises Problem 429 with `Retry-After` when the budget is used up."""
        while (asking := self._asking.get(caller)) is not None:
            await asking.wait()
        self.refuse_if_spent(caller)
        self.count(caller)
        await self._tell_others(caller)
        if response is not None:
            response.headers.update(self._headers(caller))

    def refuse_if_spent(self, caller: str) -> None:
        """Counts nothing. Raises Problem 429: for what is counted only when it fails."""
        if self.is_spent(caller):
            self._refuse(caller)

    def _refuse(self, caller: str) -> NoReturn:
        missing = self._missing_seconds(caller)
        wait = max(1, math.ceil(missing - self.window + self._seconds_each))
        raise Problem(
            429,
            "rate_limited",
            f"more than {self.quantity} requests {_spoken(self.window)}; try again in {wait} s",
            headers={**self._headers(caller), "Retry-After": str(wait)},
        )

    def is_spent(self, caller: str) -> bool:
        """Whether nothing is left of the caller's budget."""
        return self._left(self._missing_seconds(caller)) < 1

    def count(self, caller: str) -> None:
        """Takes one from the caller's budget."""
        now = self._clock()
        if now - self._swept_at > self.window:
            self._whole_at = {known: at for known, at in self._whole_at.items() if at > now}
            self._untold = {known: count for known, count in self._untold.items() if known in self._whole_at}
            self._swept_at = now
        if caller in self._whole_at or len(self._whole_at) < MAX_CALLERS:
            self._whole_at[caller] = max(self._whole_at.get(caller, now), now) + self._seconds_each

    async def _tell_others(self, caller: str) -> None:
        """Shares what was spent once it is enough. Raises Problem 429 if others have spent the rest."""
        if self._shared is None:
            return
        untold = self._untold.get(caller, 0) + 1
        if untold < max(1, self.quantity // SHARED_AT_ONCE):
            self._untold[caller] = untold
            return
        self._untold.pop(caller, None)
        spent, most = untold * self._seconds_each, self.window + self._seconds_each
        answered = self._asking[caller] = asyncio.Event()
        try:
            missing = await self._shared.spend(self._group, caller, spent, most)
            self._learn(caller, missing)
        finally:
            del self._asking[caller]
            answered.set()
        if missing is not None and missing > self.window + HARDLY:
            self._refuse(caller)

    def _learn(self, caller: str, missing: float | None) -> None:
        """Takes over what all processes together have left of a caller's budget."""
        if missing is None:
            return
        meanwhile = self._untold.get(caller, 0) * self._seconds_each
        whole_at = self._clock() + min(missing + meanwhile, self.window)
        self._whole_at[caller] = max(self._whole_at.get(caller, 0.0), whole_at)

    @property
    def _seconds_each(self) -> float:
        return self.window / self.quantity

    def _missing_seconds(self, caller: str) -> float:
        return max(0.0, self._whole_at.get(caller, 0.0) - self._clock())

    def _left(self, missing: float) -> int:
        return math.floor((self.window - missing) / self._seconds_each + 1e-6)

    def _headers(self, caller: str) -> dict[str, str]:
        missing = self._missing_seconds(caller)
        return {
            "RateLimit-Policy": f'"{self.name}";q={self.quantity};w={self.window:.0f}',
            "RateLimit": f'"{self.name}";r={max(0, self._left(missing))};t={math.ceil(missing)}',
        }


def _spoken(window: float) -> str:
    return {60.0: "a minute", 3600.0: "an hour"}.get(window, f"in {window:.0f} s")
