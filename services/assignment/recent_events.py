"""The ids of events that this process has stored itself: it need not take them in again from the stream."""

from collections import OrderedDict
from collections.abc import Iterable

KEPT = 10_000
"""Ids remembered: many times what is on its way through the stream. One that is forgotten is read twice, in vain."""


class RecentEvents:
    """A bounded set. Add an id only of an event whose storing and announcing are one transaction."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()

    def has(self, event_id: str) -> bool:
        """Whether an event was stored here, as far as is remembered."""
        return event_id in self._ids

    def add(self, event_ids: Iterable[str]) -> None:
        """Remembers ids and forgets the oldest."""
        for event_id in event_ids:
            self._ids[event_id] = None
        while len(self._ids) > KEPT:
            self._ids.popitem(last=False)
