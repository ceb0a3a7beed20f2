"""The tickets that arrive in a simulation: read from the event log, or generated at given rates."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, and_, false, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.assignment.models import LoggedEvent, Ticket, table_of
from services.assignment.schemas.staffing import DAY_HOURS, MOST_ARRIVALS, WEEK_HOURS
from services.assignment.what_if_process import VisibilityScope
from shared.contracts.vocabulary import Priority
from shared.kit.http.problems import Problem

HOUR = timedelta(hours=1)
EVENTS, TICKETS = table_of(LoggedEvent), table_of(Ticket)


@dataclass(frozen=True, slots=True)
class TicketArrival:
    """One ticket that arrives."""

    at: datetime
    priority: Priority


async def read_arrivals(
    connection: AsyncConnection, scope: VisibilityScope, team_id: UUID | None, since: datetime, until: datetime
) -> list[TicketArrival]:
    """Returns the tickets opened in a period, by their place now. Raises Problem 422 for too many."""
    opened = and_(EVENTS.c.ticket_id == TICKETS.c.id, EVENTS.c.type == "ticket.opened")
    query = (
        select(EVENTS.c.at, TICKETS.c.priority)
        .select_from(TICKETS.join(EVENTS, opened))
        .where(EVENTS.c.at >= since, EVENTS.c.at < until, *visible(scope, team_id))
        .order_by(EVENTS.c.at, TICKETS.c.id)
        .limit(MOST_ARRIVALS + 1)
    )
    arrivals = [TicketArrival(at, Priority(priority)) for at, priority in (await connection.execute(query)).tuples()]
    if len(arrivals) > MOST_ARRIVALS:
        raise too_many_arrivals()
    return arrivals


def visible(scope: VisibilityScope, team_id: UUID | None) -> Iterator[ColumnElement[bool]]:
    """Yields the conditions for the tickets of a team that the scope reaches."""
    if team_id is not None:
        yield TICKETS.c.team_id == team_id
    if not scope.is_everything:
        own = TICKETS.c.assignee_id == scope.agent_id if scope.agent_id else false()
        yield or_(TICKETS.c.team_id.in_(scope.team_ids), own)


@dataclass(frozen=True, slots=True)
class ArrivalRates:
    """How many tickets arrive per hour: always the same, by hour of the day, or by hour of the week."""

    rates: Sequence[float]
    zone: ZoneInfo

    def at(self, moment: datetime) -> float:
        """Returns the rate of the hour of an instant, by the clocks of the zone."""
        local = moment.astimezone(self.zone)
        hour = {1: 0, DAY_HOURS: local.hour, WEEK_HOURS: local.weekday() * DAY_HOURS + local.hour}
        return self.rates[hour[len(self.rates)]]


def generate_arrivals(
    rates: ArrivalRates, priorities: Mapping[Priority, float], since: datetime, until: datetime, random: Random
) -> list[TicketArrival]:
    """Returns a Poisson process with these rates, given that as many tickets arrive as are expected.

    The number is not left to chance, so that figures of a short period are not those of a lucky one.
    Raises Problem 422 for too many.
    """
    hours = [since + number * HOUR for number in range(-(-(until - since) // HOUR))]
    lengths = [min(HOUR, until - hour) / HOUR for hour in hours]
    expected = [rates.at(hour) * length for hour, length in zip(hours, lengths, strict=True)]
    if sum(expected) > MOST_ARRIVALS:
        raise too_many_arrivals()
    if not any(expected):
        return []
    chosen = random.choices(range(len(hours)), expected, k=round(sum(expected)))
    moments = sorted(hours[one] + random.random() * lengths[one] * HOUR for one in chosen)
    kinds, weights = zip(*priorities.items(), strict=True)
    return [TicketArrival(at, random.choices(kinds, weights)[0]) for at in moments]


def too_many_arrivals() -> Problem:
    """The refusal of a simulation that is too large."""
    return Problem(422, "too_many_tickets", f"more than {MOST_ARRIVALS:,} tickets arrive: choose fewer days")
