"""The one timer a ticket has armed: re-armed only when something is due earlier."""

import asyncio
from datetime import datetime

from temporalio import workflow


class ArmedTimer:
    """At most one Temporal timer. One that fires early for what is due by then costs less than re-arming it."""

    def __init__(self) -> None:
        self._due: datetime | None = None
        self._sleep: asyncio.Task[None] | None = None

    @property
    def has_fired(self) -> bool:
        """Whether the armed instant has come."""
        return self._sleep is not None and self._sleep.done()

    def arm(self, due: datetime | None) -> None:
        """Makes sure the workflow wakes at `due` or before."""
        if self.has_fired:
            self._due = self._sleep = None
        if due is None or (self._due is not None and self._due <= due):
            return
        if self._sleep is not None:
            self._sleep.cancel()
        self._due = due
        self._sleep = asyncio.create_task(workflow.sleep(max((due - workflow.now()).total_seconds(), 0.001)))

    def disarm(self) -> None:
        """Forgets the timer, before the run ends."""
        if self._sleep is not None:
            self._sleep.cancel()
        self._due = self._sleep = None
