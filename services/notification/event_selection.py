"""Which events programs may read, and the patterns by which they choose them."""

from collections.abc import Iterable, Sequence
from functools import cache

from shared.contracts.events import (
    EVENTS,
    AccessLinkRequested,
    AccountChanged,
    AccountLinkRequested,
    Event,
    MailPreferencesChanged,
    MailPreferencesSet,
    NoteAdded,
    NoteFilesAttached,
    NoteReceived,
    ReportReady,
    SideMessageReceived,
    SideMessageSent,
)

WITHHELD: tuple[type[Event], ...] = (
    AccessLinkRequested,
    AccountLinkRequested,
    AccountChanged,
    ReportReady,
    MailPreferencesChanged,
    MailPreferencesSet,
)
"""Requests for links, changes of sign-in, mailed reports and choices of mails: between Everdesk's services only."""
WHEN_NAMED: tuple[type[Event], ...] = (
    NoteAdded,
    NoteReceived,
    NoteFilesAttached,
    SideMessageSent,
    SideMessageReceived,
)
"""What agents write among themselves: sent only to whoever names these events, which `*` does not."""
EVERYTHING = "*"
PREFIX, SUFFIX = "everdesk.", ".v1"
MOST_PATTERNS = 100


def readable_events() -> list[type[Event]]:
    """Returns the events that the feed holds."""
    return [event for event in EVENTS.values() if not issubclass(event, WITHHELD)]


@cache
def types_of(pattern: str) -> frozenset[str]:
    """Returns the event types that a pattern selects; none if it is no pattern or selects nothing.

    A pattern is `*`, the name of an event such as `ticket.assigned`, its whole type, or a group such as `ticket.*`.
    """
    short = pattern.removeprefix(PREFIX).removesuffix(SUFFIX)
    selected = [event for event in readable_events() if _selects(short, event.event_name)]
    is_named = short != EVERYTHING
    return frozenset(event.type() for event in selected if is_named or not issubclass(event, WHEN_NAMED))


def types_of_all(patterns: Iterable[str]) -> frozenset[str]:
    """Returns the event types that any of the patterns selects."""
    return frozenset().union(*(types_of(pattern) for pattern in patterns))


def known_patterns(patterns: Sequence[str]) -> list[str]:
    """Returns the patterns in their short form, each once. Raises ValueError for one that selects nothing."""
    short = [pattern.strip().removeprefix(PREFIX).removesuffix(SUFFIX) for pattern in patterns]
    for pattern in short:
        if len(pattern) > 100 or not types_of(pattern):
            raise ValueError("name events such as ticket.assigned, a group such as ticket.*, or * for all")
    return list(dict.fromkeys(short))


def _selects(pattern: str, name: str) -> bool:
    if pattern == EVERYTHING:
        return True
    return name.startswith(pattern[:-1]) if pattern.endswith(".*") and len(pattern) > 2 else name == pattern
