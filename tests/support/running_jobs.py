"""Background jobs for the duration of a test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def running(*jobs: asyncio.Task[None]) -> AsyncIterator[None]:
    """Cancels the jobs at the end of the block, and waits until they have ended."""
    try:
        yield
    finally:
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
