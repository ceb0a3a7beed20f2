"""A second opinion on verdicts: walks a ticket's whole life minute by minute, with a notebook and no clever arithmetic.

Shares nothing with the rules but their statement in DESIGN section 4. Facts lie on whole minutes; at each minute the
facts of that minute happen first, then the minute passes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.unit.business_time.oracle import Oracle

MINUTE = timedelta(minutes=1)
Happening = tuple[datetime, str, Any]
"""When, what, and with what: a priority, a reason for closing."""


@dataclass
class OracleNote:
    """One cycle of one metric, as somebody with a watch would keep it."""

    metric: str
    used: int = 0
    is_paused: bool = False
    late_since: datetime | None = None
    outcome: str | None = None


@dataclass
class Watch:
    """Keeps notes on one ticket."""

    hours: Oracle
    targets: Mapping[str, Mapping[str, int]]
    priority: str
    pauses_on_hold: bool
    notes: list[OracleNote] = field(default_factory=list)

    def begin(self) -> None:
        self.notes += [OracleNote("first_response"), OracleNote("resolution")]

    def open_notes(self, *metrics: str) -> list[OracleNote]:
        return [note for note in self.notes if note.outcome is None and note.metric in metrics]

    def hear(self, what: str, detail: Any) -> None:
        every = ("first_response", "next_response", "resolution")
        match what:
            case "write" if not self.open_notes("first_response", "next_response"):
                self.notes.append(OracleNote("next_response"))
            case "reply":
                for note in self.open_notes("first_response", "next_response"):
                    note.outcome = "breached" if note.late_since else "met"
            case "pend" | "hold" | "resume":
                for note in self.open_notes("resolution"):
                    note.is_paused = what == "pend" or (what == "hold" and self.pauses_on_hold)
            case "prioritise":
                self.priority = detail
            case "resolve" | "close":
                for note in self.open_notes(*every):
                    is_void = detail in ("spam", "duplicate") or note.metric == "first_response"
                    note.outcome = "breached" if note.late_since else "cancelled" if is_void else "met"
            case "reopen":
                self.notes.append(OracleNote("resolution"))

    def pass_minute(self, minute: datetime) -> None:
        """Whoever has used up the target is late from here on, whether or not anybody works just now."""
        is_open = self.hours.is_open(minute)
        for note in self.open_notes("first_response", "next_response", "resolution"):
            if note.is_paused:
                continue
            if note.late_since is None and note.used * 60 >= self.targets[self.priority][note.metric]:
                note.late_since = minute
            note.used += is_open


def watched(
    hours: Mapping[str, Any], targets: Mapping[str, Mapping[str, int]], happenings: Sequence[Happening], **how: Any
) -> list[tuple[str, int, str]]:
    """Metric, minutes used and outcome of every cycle that ended, metric by metric in the order of their beginning."""
    watch = Watch(Oracle(hours), targets, how["priority"], how["pauses_on_hold"])
    watch.begin()
    minute, rest = happenings[0][0], list(happenings)
    while rest:
        while rest and rest[0][0] <= minute:
            _, what, detail = rest.pop(0)
            watch.hear(what, detail)
        watch.pass_minute(minute)
        minute += MINUTE
    ended = [(note.metric, note.used, note.outcome) for note in watch.notes if note.outcome is not None]
    return sorted(ended, key=lambda note: note[0])
