"""What runs beside a service ends when the service does."""

import asyncio
from contextlib import suppress

from shared.kit.processes import background


async def test_a_job_that_loses_a_cancellation_ends_all_the_same() -> None:
    losses = 0

    async def loses_two() -> None:
        nonlocal losses
        while losses < 2:
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            losses += 1
        await asyncio.Event().wait()

    async with asyncio.timeout(10):
        async with background({"deaf": loses_two}):
            await asyncio.sleep(0)
    assert losses == 2
