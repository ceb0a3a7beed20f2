"""The timeline as the page shows it: messages and notes one by one, what happened between them folded."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from services.assignment.queries.thread import ThreadFilter, ThreadLine
from services.assignment.schemas.conversation import EntryView
from services.assignment.web.labels import format_event

FOLDED_FROM = 2
"""This many events in a row are folded to one line that tells how many they are."""
FILTERS = (
    (ThreadFilter.ALL, "All"),
    (ThreadFilter.CONVERSATION, "Conversation"),
    (ThreadFilter.NOTES, "Notes"),
    (ThreadFilter.EVENTS, "Events"),
)


@dataclass(frozen=True, slots=True)
class EventWords:
    """One event in words."""

    at: datetime
    words: str


@dataclass(frozen=True, slots=True)
class TimelinePart:
    """A message or note, or the events between two of them; exactly one of the two is set."""

    entry: EntryView | None = None
    events: Sequence[EventWords] = ()

    @property
    def is_folded(self) -> bool:
        """Whether the events are shown as their number until somebody asks."""
        return len(self.events) >= FOLDED_FROM

    @property
    def summary(self) -> str:
        """The newest of the folded events, for who does not unfold them."""
        return self.events[0].words


def timeline_parts(lines: Sequence[ThreadLine], names: Mapping[str, str], show: ThreadFilter) -> list[TimelinePart]:
    """Newest first, as the lines are. Events alone are not folded: whoever filters for them wants to read them."""
    parts = list(_parts(lines, names))
    if show is not ThreadFilter.EVENTS:
        return parts
    return [TimelinePart(events=(event,)) for part in parts for event in part.events]


def _parts(lines: Sequence[ThreadLine], names: Mapping[str, str]) -> Iterator[TimelinePart]:
    for is_entry, group in groupby(lines, key=lambda line: line.entry is not None):
        if is_entry:
            yield from (TimelinePart(entry=line.entry) for line in group)
            continue
        told = ((line.at, format_event(line.event, names)) for line in group if line.event is not None)
        events = tuple(EventWords(at, words) for at, words in told if words)
        if events:
            yield TimelinePart(events=events)
