"""How long an agent works on a ticket: measured in the event log, or drawn from a distribution."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from math import exp, log
from random import Random
from statistics import NormalDist
from uuid import UUID

from sqlalchemy import and_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.assignment.models import LoggedEvent, Ticket, table_of
from services.assignment.schemas.staffing import HandlingInput
from services.assignment.staffing.arrivals import visible
from services.assignment.what_if_process import VisibilityScope
from shared.contracts.vocabulary import Status

EVENTS, TICKETS = table_of(LoggedEvent), table_of(Ticket)
MOST_LINES = 200_000
"""Events read for a measurement; with more, it is of the newest tickets."""
SHORTEST = timedelta(seconds=1)
STANDARD = NormalDist()
SMALLEST = 1e-12
OpenTimeBetween = Callable[[datetime, datetime], timedelta]


@dataclass(frozen=True, slots=True)
class Held:
    """A stretch of time in which an agent had a ticket to work on."""

    ticket_id: UUID
    agent_id: UUID
    since: datetime
    until: datetime


def draw_handling(handling: HandlingInput, number: int, random: Random) -> list[timedelta]:
    """Returns the work on so many tickets by the given distribution.

    Each equal part of the distribution is drawn from once, in random order: the mean is then right for few tickets too.
    """
    parts = [(part + random.random()) / number for part in range(number)]
    random.shuffle(parts)
    return [max(timedelta(seconds=_quantile(handling, part)), SHORTEST) for part in parts]


def _quantile(handling: HandlingInput, part: float) -> float:
    """Returns the seconds that this part of all work does not exceed."""
    match handling.distribution:
        case "fixed":
            return handling.mean_seconds
        case "exponential":
            return -handling.mean_seconds * log(1 - part)
        case "lognormal":
            part = min(max(part, SMALLEST), 1 - SMALLEST)
            normal = STANDARD.inv_cdf(part)
            return handling.mean_seconds * exp(handling.spread * normal - handling.spread**2 / 2)


def measure_handling(stretches: Iterable[Held], open_time: OpenTimeBetween) -> dict[UUID, timedelta]:
    """Returns the work on each ticket: an agent's open time is shared evenly by the tickets they have at that time.

    An agent who has a ticket is taken to work on it, so that what is measured is at most too much.
    """
    by_agent: dict[UUID, list[Held]] = {}
    for held in stretches:
        by_agent.setdefault(held.agent_id, []).append(held)
    worked: dict[UUID, timedelta] = {}
    for mine in by_agent.values():
        shares = _shares(mine, open_time)
        for held in mine:
            worked[held.ticket_id] = worked.get(held.ticket_id, timedelta()) + shares[held.until] - shares[held.since]
    return worked


def _shares(mine: Sequence[Held], open_time: OpenTimeBetween) -> dict[datetime, timedelta]:
    """Returns, for each instant at which an agent gets or loses a ticket, what one held since the first had got."""
    changes = Counter(held.since for held in mine)
    changes.subtract(held.until for held in mine)
    moments, number, share = sorted(changes), 0, timedelta()
    shares = {moments[0]: share}
    for since, until in pairwise(moments):
        number += changes[since]
        if number:
            share += open_time(since, until) / number
        shares[until] = share
    return shares


async def read_handling(
    connection: AsyncConnection,
    scope: VisibilityScope,
    team_id: UUID | None,
    period: tuple[datetime, datetime],
    open_time: OpenTimeBetween,
) -> list[timedelta]:
    """Returns the work on each ticket that was opened and resolved in a period, as the log tells it."""
    since, until = period
    state = EVENTS.c.data["snapshot"]
    query = (
        select(
            EVENTS.c.ticket_id,
            EVENTS.c.at,
            state["status"].astext.label("status"),
            state["assignee_id"].astext.label("assignee_id"),
        )
        .select_from(TICKETS.join(EVENTS, and_(EVENTS.c.ticket_id == TICKETS.c.id, EVENTS.c.seq > 0)))
        .where(TICKETS.c.created_at >= since, TICKETS.c.created_at < until, *visible(scope, team_id))
        .order_by(TICKETS.c.created_at.desc(), EVENTS.c.ticket_id, EVENTS.c.seq)
        .limit(MOST_LINES)
    )
    states: dict[UUID, list[tuple[datetime, str, str | None]]] = {}
    for ticket_id, at, status, assignee in (await connection.execute(query)).tuples():
        if status is not None and at < until:
            states.setdefault(ticket_id, []).append((at, status, assignee))
    worked = measure_handling(
        (held for ticket_id, lines in states.items() for held in _stretches(ticket_id, lines, until)), open_time
    )
    ended = {
        ticket_id
        for ticket_id, lines in states.items()
        if any(status in (Status.RESOLVED, Status.CLOSED) for _, status, _ in lines)
    }
    return [max(worked[one], SHORTEST) for one in sorted(ended & worked.keys()) if worked[one] > timedelta()]


def _stretches(ticket_id: UUID, lines: Sequence[tuple[datetime, str, str | None]], end: datetime) -> Iterable[Held]:
    """Yields when the ticket was open and somebody's."""
    for (since, status, assignee), (until, _, _) in pairwise([*lines, (end, "", None)]):
        if status == Status.OPEN and assignee and since < until:
            yield Held(ticket_id, UUID(assignee), since, until)
