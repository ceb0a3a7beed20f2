"""How long to wait after failures in a row: the policies, each with its name, and the one loop that tries again."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds to wait after the first failure in a row, the second, and so on; the last stands for all that follow."""

    seconds: tuple[float, ...]

    def after(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row, of which there is at least one."""
        return self.seconds[min(failures, len(self.seconds)) - 1]

    def delay_after(self, failures: int) -> timedelta:
        """The same as a duration."""
        return timedelta(seconds=self.after(failures))


CONNECT = Backoff((0.1, 0.25, 0.5, 1.0, 2.0))
"""A connection to the event bus, whose servers are near."""
DEPENDENCY = Backoff((0.2, 0.5, 1.0, 2.0, 5.0))
"""Work that stands still while a database or a service of ours is away."""
PATIENT = Backoff((0.5, 1.0, 2.0, 5.0, 10.0))
"""Work that nobody waits for, or that depends on servers of others."""
LISTEN = Backoff((1.0, 2.0, 5.0))
"""Pages that look for themselves while notifications cannot be heard."""
EVENT_FAILED = Backoff((0.5, 2.0, 10.0, 60.0))
"""An event whose handler failed; after the last pause and one more failure it is a dead letter."""
EVENT_NOT_YET = Backoff((1.0, 2.0, 5.0, 10.0, 20.0, 30.0))
"""An event that came before what it needs."""
MAIL_IN = Backoff((1, 5, 30, 120, 600))
"""A mail that could not be processed."""
MAIL_OUT = Backoff((1, 5, 30, 120, 600, 3600))
"""A mail that a server refused for now."""


class Pauses:
    """Counts failures in a row, and waits after each as long as the policy says."""

    def __init__(self, backoff: Backoff) -> None:
        self._backoff = backoff
        self.failures = 0

    async def wait(self) -> None:
        """Counts a failure and waits."""
        self.failures += 1
        await asyncio.sleep(self._backoff.after(self.failures))

    def reset(self) -> None:
        """After a success."""
        self.failures = 0


async def retry(
    call: Callable[[], Awaitable[T]],
    backoff: Backoff,
    is_passing: Callable[[Exception], bool],
    on_failure: Callable[[Exception, int], object] = lambda _error, _failures: None,
) -> T:
    """Calls until it succeeds and returns the result. Raises the first error that is not a passing one.

    `on_failure` is told each passing error and how many there were before it.
    """
    pauses = Pauses(backoff)
    while True:
        try:
            return await call()
        except Exception as error:
            if not is_passing(error):
                raise
            on_failure(error, pauses.failures)
        await pauses.wait()
