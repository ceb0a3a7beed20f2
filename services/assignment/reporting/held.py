"""Report of the time that tickets were in each status, and with each team or agent."""

from typing import Any, Final

from sqlalchemy import DateTime, Double, Row, Select, String, Uuid, column, select, text

from services.assignment.queries.access.callers import Caller
from services.assignment.queries.periods import Period
from services.assignment.reporting.activity import (
    NOBODYS,
    ActivityQuestion,
    activity_question,
    group_names_of,
    scope_of_activity,
)
from services.assignment.reporting.held_counting import STRETCHES
from services.assignment.reporting.settled_clocks import period_before
from services.assignment.schemas.activity import Dimension
from services.assignment.schemas.held import HeldBy, HeldIn, HeldReport, HeldTime, TicketHolder
from shared.contracts.vocabulary import Permission, Status
from shared.domain.permissions import reach
from shared.kit.db import Session
from shared.kit.http.problems import Problem

STATUS: Final = "status"
_DIMENSIONS: Final = {TicketHolder.TEAM: Dimension.TEAM, TicketHolder.AGENT: Dimension.AGENT}
_SUMS: Final = "sum(stretches)::int as stretches, sum(seconds)::double precision as seconds"
_VISIBLE: Final = """
  (:sees_all or team_id = any(cast(:teams as uuid[])) or (:dimension = 'agent' and key = :own))
  and (:any_team or team_id = any(cast(:only_teams as uuid[])))
  and (:any_agent or key = any(cast(:only_agents as text[])))
"""
_STRETCHES: Final = f"""
select * from ({STRETCHES} and d.dimension = :dimension and e.at >= :since and e.at < :until) as ended where {_VISIBLE}
"""
HELD: Final = text(f"""
with pieces as (
  select team_id, key, stretches, seconds from held_counts
  where dimension = :dimension and resolution = 'day' and starts_at >= :days_from and starts_at < :days_to
  union all
  select team_id, key, stretches, seconds from held_counts
  where dimension = :dimension and resolution = 'slot' and starts_at >= :slots_from and starts_at < :days_from
  union all
  select team_id, key, stretches, seconds from held_counts
  where dimension = :dimension and resolution = 'slot' and starts_at >= :days_to and starts_at < :slots_to
  union all
  select team_id, key, 1, seconds from ({STRETCHES} and d.dimension = :dimension and e.at >= :since and e.at < :until
    and (e.recorded_at > :counted_until or e.at < :slots_from or e.at >= :slots_to)) as young
)
select key, {_SUMS} from pieces where {_VISIBLE} group by key
""")
"""Counts of days and quarter hours, and what is not in them: young events, and those that the period's ends cut off."""


async def counted_stretches(
    session: Session, caller: Caller, period: Period, group_by: Dimension, figure: str
) -> Select[Any]:
    """The stretches of the report, each with its group. Raises Problem 422 for a figure that the report has not.

    The figure is a status, or `stretches` of teams or agents.
    """
    known = (*Status, "stretches")
    if figure not in known or group_by not in _DIMENSIONS.values():
        raise Problem(422, "invalid_input", f"figure of held must be one of {', '.join(known)}, by team or agent")
    _, scope = await scope_of_activity(session, caller, period, group_by)
    is_status = figure in set(Status)
    values = scope | {"since": period.since, "until": period.until}
    values |= {"dimension": STATUS if is_status else group_by.value}
    facts = (
        text(_STRETCHES)
        .bindparams(**values)
        .columns(
            column("ticket_id", Uuid),
            column("at", DateTime(timezone=True)),
            column("key", String),
            column("seconds", Double),
        )
        .cte("stretches")
    )
    query = select(facts.c.ticket_id, facts.c.at, facts.c.key, facts.c.seconds)
    return query.where(facts.c.key == figure) if is_status else query


async def get_held_report(session: Session, caller: Caller, period: Period, group_by: TicketHolder) -> HeldReport:
    """Stretches that ended in the period, beside the period before. Raises Problem 422 for `agent` by team."""
    if period.agent and group_by is not TicketHolder.AGENT:
        raise Problem(422, "invalid_input", "with agent, group_by must be agent")
    reached = reach(caller.principal, Permission.REPORT_VIEW)
    is_of_own_only = reached.is_own and not reached.is_everything and not reached.team_ids
    by = TicketHolder.AGENT if is_of_own_only else group_by
    question = await activity_question(session, caller, period, _DIMENSIONS[by])
    before = period_before(period)
    rows, earlier = [await _read(session, question, one, by.value) for one in (period, before)]
    statuses, earlier_statuses = [
        [] if period.agent else await _statuses(session, question, one) for one in (period, before)
    ]
    names = await group_names_of(session, _DIMENSIONS[by], {row.key for row in rows})
    items = [
        HeldBy(
            id=row.key or None,
            name=names.get(row.key, "(removed)") if row.key else NOBODYS[_DIMENSIONS[by]],
            stretches=row.stretches,
            seconds=row.seconds,
        )
        for row in rows
    ]
    return HeldReport(
        from_=period.since,
        to=period.until,
        time_zone=period.zone,
        group_by=by,
        items=sorted(items, key=lambda one: (-one.seconds, one.name.casefold())),
        total=_total(rows),
        previous_total=_total(earlier),
        statuses=statuses,
        previous_statuses=earlier_statuses,
    )


async def _read(session: Session, question: ActivityQuestion, period: Period, dimension: str) -> list[Row[Any]]:
    unused = {"types", "zone"}
    values = {name: one for name, one in question.values(period).items() if name not in unused}
    return list((await session.execute(HELD, values | {"dimension": dimension})).all())


async def _statuses(session: Session, question: ActivityQuestion, period: Period) -> list[HeldIn]:
    rows = {row.key: row for row in await _read(session, question, period, STATUS)}
    return [
        HeldIn(status=status, stretches=rows[status].stretches, seconds=rows[status].seconds)
        for status in Status
        if status in rows
    ]


def _total(rows: list[Row[Any]]) -> HeldTime:
    return HeldTime(stretches=sum(row.stretches for row in rows), seconds=sum(row.seconds for row in rows))
