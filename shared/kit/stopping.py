"""The moment a process is told to stop: from then on others get its work, while it finishes what is under way."""

import asyncio
from collections.abc import Callable

Callback = Callable[[], None]


class Stopping:
    """Begins once, with SIGTERM; `/readyz` answers 503 from then on, and whoever asked for it is called."""

    def __init__(self) -> None:
        self.has_begun = False
        self._callbacks: list[Callback] = []

    def when_begun(self, callback: Callback) -> None:
        """Calls `callback` once it begins; at once if it has."""
        if self.has_begun:
            callback()
        else:
            self._callbacks.append(callback)

    def begin(self) -> None:
        """Calls everybody, the first time."""
        if self.has_begun:
            return
        self.has_begun = True
        for callback in self._callbacks:
            callback()
        self._callbacks.clear()


def pass_on_cancellation() -> None:
    """Raises CancelledError if the running task is being cancelled and something it called has not passed that on.

    `asyncio.wait_for` of Python 3.11 does so where its answer comes at that very moment, and nats-py waits with it.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
