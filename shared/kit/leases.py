"""Leases that live as long as their holder: renewed by a heartbeat, so that they may be short."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from shared.kit.outages import unless_away

BEATS = 3
"""Renewals in the time of one lease: two may fail."""
SURE = 0.9
"""The part of a lease that its holder counts on: the database's clock began a moment before its own."""


class HeldLease:
    """A lease as its holder knows it. Once it has run out it stays so: others may have taken over what it was for."""

    def __init__(self, lease: timedelta, since: float) -> None:
        self._seconds = lease.total_seconds() * SURE
        self._until = since + self._seconds
        self._is_over = False

    @property
    def is_over(self) -> bool:
        """Whether it ran out, because the process was stopped for a while or could not renew it."""
        self._is_over = self._is_over or time.monotonic() > self._until
        return self._is_over

    def note_renewal(self, began: float) -> None:
        """Notes a renewal that was asked for at `began`; one that may have come too late changes nothing."""
        if not self.is_over:
            self._until = began + self._seconds


@asynccontextmanager
async def kept_lease(
    lease: timedelta, renew: Callable[[], Awaitable[object]], since: float | None = None
) -> AsyncIterator[HeldLease]:
    """Renews a lease for as long as the block runs, also after an outage; a process that dies renews nothing.

    `since` is the monotonic instant at which it was taken; without it, the block's beginning. Whoever may have been
    stopped for longer than the lease asks `is_over` before doing what others may have done meanwhile.
    """
    held = HeldLease(lease, time.monotonic() if since is None else since)
    renewing = asyncio.create_task(_renew_periodically(lease, renew, held))
    try:
        yield held
    finally:
        renewing.cancel()


async def _renew_periodically(lease: timedelta, renew: Callable[[], Awaitable[object]], held: HeldLease) -> None:
    while True:
        await asyncio.sleep(lease.total_seconds() / BEATS)
        with unless_away():
            began = time.monotonic()
            await renew()
            held.note_renewal(began)
