"""How long a team held a ticket, from tables of what happened."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from shared.contracts.calendars import BusinessCalendar
from shared.contracts.vocabulary import Status
from shared.domain.team_target import Holding, TeamClock, team_clock

A, B = UUID(int=1), UUID(int=2)
OFFICE = BusinessCalendar.model_validate(
    {"timezone": "UTC", "weekly": {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}}
)
TARGET = timedelta(hours=4)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    """In the week that begins on Monday, 23 November 2026."""
    return datetime(2026, 11, 22 + day, hour, minute, tzinfo=UTC)


def clock(*holdings: tuple[datetime, UUID | None, str], now: datetime) -> TeamClock | None:
    return team_clock([Holding(when, team, Status(status)) for when, team, status in holdings], OFFICE, TARGET, now)


@pytest.mark.parametrize(
    ("holdings", "now", "hours", "due_at", "state", "is_over"),
    [
        ([(at(1, 9), A, "open")], at(1, 12), 3, at(1, 13), "running", False),
        ([(at(1, 9), A, "open")], at(1, 13), 4, at(1, 13), "running", False),
        ([(at(1, 9), A, "open")], at(1, 14), 5, at(1, 13), "running", True),
        ([(at(5, 16), A, "open")], at(8, 10), 2, at(8, 12), "running", False),
        ([(at(1, 9), A, "open"), (at(1, 10), A, "pending")], at(2, 12), 1, None, "paused", False),
        ([(at(1, 9), A, "open"), (at(1, 10), A, "pending"), (at(2, 9), A, "open")], at(2, 10), 2, at(2, 12),
         "running", False),
        ([(at(1, 9), A, "open"), (at(1, 12), B, "open")], at(1, 13), 1, at(1, 16), "running", False),
        ([(at(1, 9), A, "open"), (at(1, 10), B, "open"), (at(1, 12), A, "open")], at(1, 13), 1, at(1, 16),
         "running", False),
        ([(at(1, 9), A, "open"), (at(1, 11), A, "resolved")], at(3, 9), 2, None, "ended", False),
        ([(at(1, 9), A, "open"), (at(1, 16), A, "resolved")], at(3, 9), 7, at(1, 13), "ended", True),
        ([(at(1, 9), A, "open"), (at(1, 16), A, "resolved"), (at(2, 9), A, "open")], at(2, 10), 1, at(2, 13),
         "running", False),
    ],
)  # fmt: skip
def test_the_clock_of_a_team(
    holdings: list[tuple[datetime, UUID, str]],
    now: datetime,
    hours: int,
    due_at: datetime | None,
    state: str,
    is_over: bool,
) -> None:
    found = clock(*holdings, now=now)
    assert found is not None
    assert (found.elapsed, found.due_at) == (timedelta(hours=hours), due_at)
    assert (found.state, found.is_over) == (state, is_over)
    assert found.team_id == holdings[-1][1]


def test_a_ticket_without_a_team_has_no_clock() -> None:
    assert clock((at(1, 9), None, "new"), now=at(1, 12)) is None
    assert clock(now=at(1, 12)) is None
