"""View model of the timeline: messages and notes singly, consecutive events collapsed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from markupsafe import escape

from services.assignment.queries.ticket_page.thread import ThreadFilter, ThreadLine
from services.assignment.schemas.conversation import EntryView, EventView
from services.assignment.web.action_names import action_name
from services.assignment.web.labels import format_event
from shared.kit.http.pages import timestamp
from shared.kit.i18n.formats import format_instant
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _

FOLDED_FROM = 2
"""This many events in a row are folded to one line that tells how many they are."""
INSTANTS = frozenset({"due_at", "resolves_at"})
"""The details of events that their words name an instant by."""
FILTERS = (
    (ThreadFilter.ALL, _("All")),
    (ThreadFilter.CONVERSATION, _("Conversation")),
    (ThreadFilter.NOTES, _("Notes")),
    (ThreadFilter.EVENTS, _("Events")),
)


@dataclass(frozen=True, slots=True)
class EventWords:
    """An event formatted for display."""

    at: datetime
    words: str


@dataclass(frozen=True, slots=True)
class TimelinePart:
    """A message, a note, or a run of consecutive events; exactly one is set."""

    entry: EntryView | None = None
    events: Sequence[EventWords] = ()

    @property
    def about(self) -> str:
        """What a note is about: the action that it was written with."""
        if self.entry is None or not self.entry.about:
            return ""
        return gettext("about: %(action)s", action=action_name(self.entry.about))

    @property
    def is_folded(self) -> bool:
        """Whether the events are collapsed to a count."""
        return len(self.events) >= FOLDED_FROM

    @property
    def summary(self) -> str:
        """The newest of the collapsed events."""
        return self.events[0].words


def timeline_parts(lines: Sequence[ThreadLine], names: Mapping[str, str], show: ThreadFilter) -> list[TimelinePart]:
    """The parts, newest first. With the events filter nothing is collapsed."""
    parts = list(_parts(lines, names))
    if show is not ThreadFilter.EVENTS:
        return parts
    return [TimelinePart(events=(event,)) for part in parts for event in part.events]


def _with_times(event: EventView, names: Mapping[str, str]) -> str:
    """An event in words; the instants that it speaks of as `<time>`, so that pages show them in the reader's zone."""
    words = format_event(event, names)
    for name in INSTANTS & event.details.keys():
        if value := event.details[name]:
            at = datetime.fromisoformat(str(value))
            words = escape(words).replace(escape(format_instant(at)), timestamp(at))
    return words


def _parts(lines: Sequence[ThreadLine], names: Mapping[str, str]) -> Iterator[TimelinePart]:
    for is_entry, group in groupby(lines, key=lambda line: line.entry is not None):
        if is_entry:
            yield from (TimelinePart(entry=line.entry) for line in group)
            continue
        told = ((line.at, _with_times(line.event, names)) for line in group if line.event is not None)
        events = tuple(EventWords(at, words) for at, words in told if words)
        if events:
            yield TimelinePart(events=events)
