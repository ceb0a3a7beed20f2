"""The operational target of a team: how long it may hold a ticket, apart from the requester's SLA; pure.

It runs in the open time of the team's calendar while the team has the ticket and it is new or open, pauses while the
ticket waits for the requester or a third party, and ends when the ticket is resolved or goes to another team. A ticket
that is reopened, or comes back, starts a new one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from shared.contracts.calendars import AnyCalendar
from shared.contracts.vocabulary import Status
from shared.domain.business_time import add_business_time, business_time_between

RUNS_IN = frozenset({Status.NEW, Status.OPEN})
ENDS_IN = frozenset({Status.RESOLVED, Status.CLOSED})


@dataclass(frozen=True, slots=True)
class Holding:
    """From an instant on, a team has a ticket in a status."""

    at: datetime
    team_id: UUID | None
    status: Status


@dataclass(frozen=True, slots=True)
class TeamClock:
    """The clock of the team that has the ticket, or had it when it was resolved."""

    team_id: UUID
    since: datetime
    target: timedelta
    elapsed: timedelta
    due_at: datetime | None
    """When it will be over, or was; null while it pauses and has not been exceeded, and once it has ended in time."""
    state: Literal["running", "paused", "ended"]
    is_over: bool
    """Whether the team has held the ticket for longer than its target."""


def team_clock(
    holdings: Sequence[Holding], calendar: AnyCalendar, target: timedelta, now: datetime
) -> TeamClock | None:
    """The clock of the last stretch in one team; None for a ticket without a team. `holdings` are in order of time."""
    stretch = _last_stretch(holdings)
    if not stretch:
        return None
    elapsed, due_at = timedelta(), None
    ends = [one.at for one in stretch[1:]] + [now]
    for one, until in zip(stretch, ends, strict=True):
        if one.status not in RUNS_IN or until <= one.at:
            continue
        counted = business_time_between(calendar, one.at, until)
        if due_at is None and (elapsed + counted > target or one is stretch[-1]):
            due_at = add_business_time(calendar, one.at, target - elapsed)
        elapsed += counted
    last = stretch[-1]
    team_id = last.team_id
    assert team_id is not None
    state: Literal["running", "paused", "ended"] = "running" if last.status in RUNS_IN else "paused"
    is_ended = last.status in ENDS_IN
    return TeamClock(
        team_id=team_id,
        since=stretch[0].at,
        target=target,
        elapsed=elapsed,
        due_at=due_at,
        state="ended" if is_ended else state,
        is_over=elapsed > target,
    )


def _last_stretch(holdings: Sequence[Holding]) -> list[Holding]:
    """What belongs to the last time that one team got the ticket, or that it was reopened there."""
    if not holdings or holdings[-1].team_id is None:
        return []
    team_id = holdings[-1].team_id
    stretch: list[Holding] = []
    for one in reversed(holdings):
        if one.team_id != team_id or (one.status in ENDS_IN and stretch and stretch[-1].status not in ENDS_IN):
            break
        stretch.append(one)
    return stretch[::-1]
