"""Leases that live as long as their holder: renewed by a heartbeat, so that they may be short."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from shared.kit.outages import unless_away

BEATS = 3
"""Renewals in the time of one lease: two may fail."""


@asynccontextmanager
async def kept_lease(lease: timedelta, renew: Callable[[], Awaitable[object]]) -> AsyncIterator[None]:
    """Renews a lease for as long as the block runs; a process that dies renews nothing."""
    renewing = asyncio.create_task(_renew_periodically(lease, renew))
    try:
        yield
    finally:
        renewing.cancel()


async def _renew_periodically(lease: timedelta, renew: Callable[[], Awaitable[object]]) -> None:
    while True:
        await asyncio.sleep(lease.total_seconds() / BEATS)
        with unless_away():
            await renew()
