"""Reads the incident log as its desk lived it: row by row, and nothing before its time."""

import csv
import lzma
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
DATA = Path(os.environ.get("EVERDESK_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
LOG = DATA / "incident_event_log.csv.xz"
INCIDENTS, ROWS, REOPENED = 24_918, 141_712, 275
"""What the whole log holds."""

FORESIGHT = frozenset({"resolved_at", "resolved_by", "closed_at", "closed_code", "made_sla"})
"""Columns that know the end from an incident's first row on: read by nobody."""
BOOKKEEPING = frozenset({"sys_mod_count", "sys_updated_at", "sys_updated_by"})
"""Columns that say that a row was written, not what it changed."""
WEEK = timedelta(weeks=1)

Line = dict[str, str]


class NoLog(FileNotFoundError):
    """The incident log is not there."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"no incident log at {path}: set EVERDESK_TEST_DATA to the folder that holds it")


@dataclass(frozen=True, slots=True)
class Row:
    """One update of an incident. Its instant never lies before the opening or before the row above it."""

    at: datetime
    state: str
    priority: str
    group: str | None
    agent: str | None
    updated_by: str
    changed: frozenset[str] = frozenset()
    """Columns that differ from the row above; none of them on the first row."""
    is_first: bool = False
    is_late: bool = False
    """Its own time lies before the row above it or the opening: it counts from then on, as what was told late."""

    @property
    def is_silent(self) -> bool:
        """Somebody wrote, and no listed column changed."""
        return not self.is_first and not self.changed


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident's whole life."""

    number: str
    opened_at: datetime
    rows: tuple[Row, ...]
    is_reopened: bool

    @property
    def ends_at(self) -> datetime:
        """Its last update."""
        return self.rows[-1].at

    def shifted(self, by: timedelta) -> "Incident":
        """The same life, later."""
        rows = tuple(replace(row, at=row.at + by) for row in self.rows)
        return replace(self, opened_at=self.opened_at + by, rows=rows)


def read(path: Path = LOG) -> list[Incident]:
    """Every incident in the order of the log. Raises NoLog."""
    if not path.exists():
        raise NoLog(path)
    with lzma.open(path, "rt", encoding="utf-8", newline="") as file:
        return [_incident(list(lines)) for _, lines in groupby(csv.DictReader(file), key=itemgetter("number"))]


def weeks_until(first: datetime, now: datetime) -> timedelta:
    """The least whole number of weeks that brings `first` to `now` or after it; weekdays and hours stay."""
    return -((first - now) // WEEK) * WEEK if first < now else timedelta()


@cache
def instant(text: str) -> datetime:
    """`29/2/2016 01:16`, day first. The log names no zone: its times are taken as UTC."""
    return datetime.strptime(text, "%d/%m/%Y %H:%M").replace(tzinfo=UTC)


def _incident(lines: list[Line]) -> Incident:
    opened_at = instant(lines[0]["opened_at"])
    is_reopened = any(line["reopen_count"] != "0" for line in lines)
    return Incident(lines[0]["number"], opened_at, tuple(_rows(lines, opened_at)), is_reopened)


def _rows(lines: list[Line], not_before: datetime) -> Iterator[Row]:
    above: Line | None = None
    for line in lines:
        at = instant(line["sys_updated_at"])
        is_late, not_before = at < not_before, max(at, not_before)
        yield Row(
            at=not_before,
            state=line["incident_state"],
            priority=line["priority"],
            group=_known(line["assignment_group"]),
            agent=_known(line["assigned_to"]),
            updated_by=line["sys_updated_by"],
            changed=_changed(above, line) if above else frozenset(),
            is_first=above is None,
            is_late=is_late,
        )
        above = line


def _changed(above: Line, line: Line) -> frozenset[str]:
    different = dict(line.items() - above.items())
    return frozenset(different.keys() - FORESIGHT - BOOKKEEPING)


def _known(value: str) -> str | None:
    return None if value == "?" else value
