"""The tickets behind a figure: the same conditions as the report's, with a line for each time a ticket counts."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    DateTime,
    Select,
    String,
    Uuid,
    and_,
    cast,
    column,
    extract,
    func,
    literal,
    null,
    or_,
    select,
    text,
    true,
)

from services.assignment.models import Ticket
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.access.visibility import visible_to
from services.assignment.queries.periods import Period
from services.assignment.queries.running_clocks import OVERDUE, RUNNING
from services.assignment.queries.time_travel.open_tickets import OpenAt
from services.assignment.reporting.activity import scope_of_activity
from services.assignment.reporting.aggregation import COLUMNS, COUNTED, DERIVED, REPLY, facts_of
from services.assignment.reporting.held import counted_stretches
from services.assignment.reporting.open_tickets import backlog_figures, counted_open_tickets, workload_figures
from services.assignment.reporting.settled_clocks import clock_entries, judged_entries
from services.assignment.schemas.activity import Dimension
from services.assignment.schemas.counted_tickets import CountedIn, CountedTicket, CountedTickets
from services.assignment.schemas.reports import GroupBy
from shared.contracts.vocabulary import Metric, Outcome
from shared.kit.db import Session
from shared.kit.http.problems import Problem

PAGE = 100
NO_GROUP = "none"
_OF_PERIOD = """(
  select * from events where at >= :since and at < :until and type = any(cast(:types as text[])) offset 0
)"""
"""Read first: for what is asked of each event then, the planner would walk the index of all there ever were."""
_EVENTS = f"""
select * from ({facts_of(_OF_PERIOD)} and d.dimension = :dimension) as happened
where (:sees_all or team_id = any(cast(:teams as uuid[])) or (:dimension = 'agent' and key = :own))
  and (:any_team or team_id = any(cast(:only_teams as uuid[])))
  and (:any_agent or key = any(cast(:only_agents as text[])))
  and (:is_any or case when :is_one_touch then {DERIVED["one_touch"]} else {DERIVED["replies"]} end)
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """A number of a report: of which report, column and group."""

    report: CountedIn
    name: str
    """The column: `breached`, `count`, `opened`, …"""
    metric: Metric | None = None
    group_by: GroupBy = GroupBy.TEAM
    group: str | None = None
    """The id of the group, the name of a priority or channel, `none` for those without; null for the total."""
    is_wall: bool = False
    from_seconds: int | None = None
    to_seconds: int | None = None
    """The bucket of the time report's histogram."""
    weekday: int | None = None
    """1 is Monday, 7 Sunday."""
    hour: int | None = None
    """The cell of the arrivals' table, in the report's time zone."""


async def get_counted_tickets(
    session: Session, caller: Caller, period: Period, figure: Figure, page: int
) -> CountedTickets:
    """A page of the lines that make a figure. Raises Problem 422 for a figure that the report does not have."""
    lines = (await _lines(session, caller, period, figure)).cte("lines")
    of_line = select(Ticket.number, Ticket.subject, Ticket.status).where(
        Ticket.id == lines.c.ticket_id, visible_to(caller.principal)
    )
    ticket = of_line.offset(0).lateral("ticket")  # looked up for each line: joined, all there are might be read
    query = (
        select(lines, ticket, func.count().over().label("lines"))
        .select_from(lines.join(ticket, true()))
        .order_by(lines.c.at.desc(), lines.c.ticket_id)
        .limit(PAGE)
        .offset(PAGE * (page - 1))
    )
    rows = (await session.execute(query)).all()
    count = rows[0].lines if rows else 0
    items = [CountedTicket.model_validate({name: row._mapping[name] for name in _NAMES}) for row in rows]
    return CountedTickets(count=count, page=page, has_more=PAGE * page < count, items=items)


_NAMES = tuple(CountedTicket.model_fields)


async def _lines(session: Session, caller: Caller, period: Period, figure: Figure) -> Select[Any]:
    if figure.report in (CountedIn.ACTIVITY, CountedIn.ARRIVALS):
        return await _events(session, caller, period, figure)
    if figure.report is CountedIn.HELD:
        stretches = await counted_stretches(session, caller, period, _dimension(figure), figure.name)
        return _grouped(stretches.cte("ended"), figure)
    if figure.report in (CountedIn.BACKLOG, CountedIn.WORKLOAD):
        return _open(caller, period, figure)
    if figure.report is CountedIn.TIMES:
        return _times(judged_entries(caller, period, figure.group_by), figure)
    return _clocks(clock_entries(caller, period, figure.group_by), period, figure)


def _clocks(entries: CTE, period: Period, figure: Figure) -> Select[Any]:
    columns = entries.c
    outcome, running_breach = columns.outcome, and_(columns.outcome == OVERDUE, period.holds(columns.at))
    conditions: dict[str, ColumnElement[bool]] = {
        "met": outcome == Outcome.MET.value,
        "breached": or_(outcome == Outcome.BREACHED.value, running_breach),
        "breached_running": running_breach,
        "cancelled": outcome == Outcome.CANCELLED.value,
        "overdue_now": outcome == OVERDUE,
        "running_in_time": outcome == RUNNING,
    }
    if figure.name not in conditions:
        raise _unknown(figure, conditions)
    return _select(entries, figure).where(conditions[figure.name])


def _times(entries: CTE, figure: Figure) -> Select[Any]:
    if figure.name != "count":
        raise _unknown(figure, ("count",))
    measured = entries.c.wall_seconds if figure.is_wall else entries.c.elapsed_seconds
    query = _select(entries, figure)
    if figure.from_seconds is not None:
        query = query.where(measured >= figure.from_seconds)
    if figure.to_seconds is not None:
        query = query.where(measured < figure.to_seconds)
    return query


def _select(entries: CTE, figure: Figure) -> Select[Any]:
    columns = entries.c
    query = select(
        columns.ticket_id,
        columns.at,
        columns.metric,
        columns.elapsed_seconds.label("business_seconds"),
        columns.wall_seconds,
    )
    if figure.metric is not None:
        query = query.where(columns.metric == figure.metric.value)
    if figure.group is not None:
        query = query.where(columns.key.is_(None) if figure.group == NO_GROUP else columns.key == figure.group)
    return query


def _open(caller: Caller, period: Period, figure: Figure) -> Select[Any]:
    """Open tickets as of the period's `as_of`, or of now."""
    tickets, is_backlog = OpenAt.of(period.as_of), figure.report is CountedIn.BACKLOG
    figures = {"open": true(), **(backlog_figures(tickets) if is_backlog else workload_figures(tickets))}
    if figure.name not in figures:
        raise _unknown(figure, figures)
    group_by = _dimension(figure) if is_backlog else Dimension.AGENT
    counted = counted_open_tickets(caller.principal, tickets, period.team, figures[figure.name], group_by)
    return _grouped(counted.cte("open"), figure)


def _grouped(lines: CTE, figure: Figure) -> Select[Any]:
    """The lines of the figure's group; how long each took, where it has an end."""
    seconds = lines.c.seconds if "seconds" in lines.c else null()
    query = select(
        lines.c.ticket_id,
        lines.c.at,
        null().label("metric"),
        null().label("business_seconds"),
        seconds.label("wall_seconds"),
    )
    if figure.group is None:
        return query
    key = func.coalesce(lines.c.key, "")
    return query.where(key == ("" if figure.group == NO_GROUP else figure.group))


def _dimension(figure: Figure) -> Dimension:
    """By what the report is broken down. Raises Problem 422 for what it is not counted by."""
    if figure.group_by.value not in set(Dimension):
        raise Problem(422, "invalid_input", f"{figure.report.value} is not counted by {figure.group_by.value}")
    return Dimension(figure.group_by.value)


async def _events(session: Session, caller: Caller, period: Period, figure: Figure) -> Select[Any]:
    if figure.name not in COLUMNS:
        raise _unknown(figure, COLUMNS)
    if figure.report is CountedIn.ARRIVALS and figure.name != "opened":
        raise _unknown(figure, ("opened",))
    dimension, scope = await scope_of_activity(session, caller, period, _dimension(figure))
    values = scope | {
        "dimension": dimension.value,
        "types": [COUNTED[figure.name]] if figure.name in COUNTED else [REPLY, COUNTED["resolved"]],
        "is_any": figure.name in COUNTED,
        "is_one_touch": figure.name == "one_touch",
        "since": period.since,
        "until": period.until,
    }
    facts = (
        text(_EVENTS)
        .bindparams(**values)
        .columns(
            column("ticket_id", Uuid),
            column("at", DateTime(timezone=True)),
            column("team_id", Uuid),
            column("key", String),
        )
        .cte("facts")
    )
    nothing = (null().label(name) for name in ("metric", "business_seconds", "wall_seconds"))
    query = select(facts.c.ticket_id, facts.c.at, *nothing)
    local = func.timezone(period.zone, facts.c.at)
    for part, wanted in (("isodow", figure.weekday), ("hour", figure.hour)):
        if wanted is not None:
            query = query.where(extract(part, local) == wanted)
    if figure.group is not None:
        is_by_team = figure.group_by is GroupBy.TEAM and dimension is not Dimension.TEAM
        key = cast(facts.c.team_id, String) if is_by_team else facts.c.key
        query = query.where(key == literal("" if figure.group == NO_GROUP else figure.group))
    return query


def _unknown(figure: Figure, known: Any) -> Problem:
    return Problem(422, "invalid_input", f"figure of {figure.report.value} must be one of {', '.join(known)}")
