"""The updatable timer of a ticket: armed for the next instant at which anything is due."""

import asyncio
from datetime import datetime

from temporalio import workflow


class ArmedTimer:
    """Holds at most one Temporal timer.

    `is_exact`: re-armed by every change of what is due, so that the ticket never wakes for nothing. Tickets that were
    opened before that was so keep a timer that is too early: their histories say it was left alone.
    """

    def __init__(self, *, is_exact: bool) -> None:
        self._is_exact = is_exact
        self._due: datetime | None = None
        self._sleep: asyncio.Task[None] | None = None

    @property
    def has_fired(self) -> bool:
        """Whether the armed instant has come."""
        return self._sleep is not None and self._sleep.done()

    def arm(self, due: datetime | None) -> None:
        """Makes sure the workflow wakes at `due`."""
        if self.has_fired:
            self._due = self._sleep = None
        if due == self._due or self._may_stay(due):
            return
        self.disarm()
        if due is not None:
            self._due = due
            self._sleep = asyncio.create_task(workflow.sleep(max((due - workflow.now()).total_seconds(), 0.001)))

    def disarm(self) -> None:
        """Forgets the timer."""
        if self._sleep is not None:
            self._sleep.cancel()
        self._due = self._sleep = None

    def _may_stay(self, due: datetime | None) -> bool:
        return not self._is_exact and (due is None or (self._due is not None and self._due <= due))
