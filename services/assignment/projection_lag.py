"""How far the read model is behind: the time from an event's instant to its being projected."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

from prometheus_client import Gauge, Histogram

from shared.contracts.events import Envelope
from shared.kit.clock import utc_now

TOO_LONG_SECONDS: Final = 2.0
"""A lag above this is shown to agents and makes `everdesk status` fail."""
REMEMBERED_SECONDS: Final = 10.0
"""For how long a batch that came late counts, if none comes after it."""
METRIC: Final = "everdesk_projection_lag_now_seconds"
SECONDS: Final = Histogram(
    "everdesk_projection_lag_seconds",
    "Time from a lifecycle event's instant to its being in the read model, for events that came over the bus",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300),
)
NOW: Final = Gauge(METRIC, "Age of the oldest event that is being projected, or the lag of the last batch")


class ProjectionLag:
    """Measures the lag of this process's consumer of the read model."""

    def __init__(self, clock: Callable[[], datetime] = utc_now, ticks: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._ticks = clock, ticks
        self._waiting_since: datetime | None = None
        self._last, self._last_at = 0.0, 0.0
        NOW.set_function(lambda: self.seconds)

    @property
    def seconds(self) -> float:
        """The present lag: of what is being projected, or of the last batch if that was just now; 0 if none was."""
        if self._waiting_since is not None:
            return max(0.0, (self._clock() - self._waiting_since).total_seconds())
        return self._last if self._ticks() - self._last_at <= REMEMBERED_SECONDS else 0.0

    @property
    def is_too_long(self) -> bool:
        """Whether people should know."""
        return self.seconds > TOO_LONG_SECONDS

    @asynccontextmanager
    async def projecting(self, events: Sequence[Envelope]) -> AsyncIterator[None]:
        """Measures a batch. One that fails goes on waiting until the next has been projected."""
        instants = [at for at in map(changed_at, events) if at is not None]
        oldest = min(instants, default=None)
        if oldest is not None and (self._waiting_since is None or oldest < self._waiting_since):
            self._waiting_since = oldest
        yield
        now = self._clock()
        for at in instants:
            SECONDS.observe(max(0.0, (now - at).total_seconds()))
        if oldest is not None:
            self._last, self._last_at = max(0.0, (now - oldest).total_seconds()), self._ticks()
        self._waiting_since = None


def changed_at(event: Envelope) -> datetime | None:
    """When a ticket's workflow made the event; None for what is no step of a ticket's life.

    `time` would mislead: a mail takes effect when it was received, however late it comes.
    """
    snapshot = event.data.get("snapshot")
    said = snapshot.get("updated_at") if isinstance(snapshot, dict) else None
    return datetime.fromisoformat(said) if isinstance(said, str) else None
