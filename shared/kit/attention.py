"""When a background job looks for work: soon after something that may have made some, else once in a while."""

import asyncio
from contextlib import suppress

SWEEP_SECONDS = 8.0
"""The longest that work waits of which nobody in this process knows: made by another one, or due by the clock."""
SOON_SECONDS = 1.0
"""The least time between two looks, however much happens."""
ALERT_SECONDS = 60.0
"""How long a job goes on looking often after it has found something: what did not work yet is tried again."""


class Attention:
    """One job's. `wake` costs nothing, so it may be called for whatever may have made work."""

    def __init__(self, *, sweeps: bool = True) -> None:
        """Without `sweeps` it looks only when woken: something else looks for all such jobs together."""
        self._sweeps = sweeps
        self._woken = asyncio.Event()
        self._alert_until = 0.0

    def wake(self) -> None:
        """Says that there may be something to do."""
        self._woken.set()

    async def wait(self, *, has_found: bool) -> None:
        """Until it is time to look again. `has_found` tells whether the last look found work."""
        now = asyncio.get_running_loop().time()
        if has_found:
            self._alert_until = now + ALERT_SECONDS
        await asyncio.sleep(SOON_SECONDS)
        if now >= self._alert_until:
            with suppress(TimeoutError):
                async with asyncio.timeout(SWEEP_SECONDS - SOON_SECONDS if self._sweeps else None):
                    await self._woken.wait()
        self._woken.clear()
