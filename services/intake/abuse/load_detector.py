"""Whether forms come faster than people send them: from one address, or from everybody together."""

import time
from collections.abc import Callable

from shared.kit.http.rate_limits import MAX_CALLERS, RateLimiter

WINDOW_SECONDS = 60.0
"""Seconds without too much, after which a caller counts as calm again."""


class LoadDetector:
    """Counts per caller, and remembers for a minute that it was too much."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._limiter = RateLimiter("calm", per_minute, clock)
        self._high_until: dict[str, float] = {}

    def count(self, caller: str, times: int = 1) -> None:
        """Counts one form, or what counts as several."""
        for _ in range(times):
            if self._limiter.is_spent(caller):
                self._remember(caller)
                return
            self._limiter.count(caller)

    def is_high(self, caller: str) -> bool:
        """Whether more came from the caller than is usual, within the last minute."""
        return self._high_until.get(caller, 0.0) > self._clock()

    def _remember(self, caller: str) -> None:
        now = self._clock()
        if len(self._high_until) >= MAX_CALLERS:
            self._high_until = {known: until for known, until in self._high_until.items() if until > now}
        self._high_until[caller] = now + WINDOW_SECONDS
