"""A time limit for many short things, one after the other, with one timer for all of them."""

import asyncio
from types import TracebackType
from typing import Self


class TimeLimit:
    """As `asyncio.timeout`, which makes a timer and removes it again for each; of the task that it is made in."""

    def __init__(self, seconds: float) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a time limit is one of a task")
        self._loop, self._task, self._seconds = asyncio.get_running_loop(), task, seconds
        self._until: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_over = False
        self._cancellations = 0

    def __enter__(self) -> Self:
        """Begins something."""
        self._until, self._is_over = self._loop.time() + self._seconds, False
        self._cancellations = self._task.cancelling()
        if self._timer is None:
            self._timer = self._loop.call_at(self._until, self._look)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Raises TimeoutError if it took too long, unless the task was cancelled by others as well."""
        self._until = None
        if self._is_over and self._task.uncancel() <= self._cancellations and kind is asyncio.CancelledError:
            raise TimeoutError from error

    def close(self) -> None:
        """Forgets the timer, when nothing more begins."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        self._timer = None
        if self._until is None:
            return
        if self._loop.time() < self._until:
            self._timer = self._loop.call_at(self._until, self._look)
        else:
            self._is_over = True
            self._task.cancel()
