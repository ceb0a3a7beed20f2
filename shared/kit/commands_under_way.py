"""Which commands this process is sending at the moment, and since when."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class CommandsUnderWay:
    """Asked by whoever renews the leases of commands that take long."""

    def __init__(self) -> None:
        self._since: dict[str, float] = {}

    @contextmanager
    def holding(self, command_ids: Iterable[str]) -> Iterator[None]:
        """Counts commands as being sent for as long as the block runs."""
        mine = [one for one in command_ids if one not in self._since]
        self._since |= dict.fromkeys(mine, time.monotonic())
        try:
            yield
        finally:
            for one in mine:
                del self._since[one]

    def longer_than(self, seconds: float) -> list[str]:
        """Returns the commands that have been under way for longer."""
        before = time.monotonic() - seconds
        return [one for one, since in self._since.items() if since <= before]
