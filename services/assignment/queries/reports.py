"""Adds up verdicts; never judges again."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, Subquery, exists, func, literal_column, or_, select, tuple_
from sqlalchemy.orm import InstrumentedAttribute, aliased

from services.assignment.models import Agent, SettledClock, Team
from services.assignment.queries.callers import Caller
from services.assignment.schemas.reports import GroupBy, GroupReport, MetricReport, SlaReport
from shared.contracts.vocabulary import Metric, Outcome, Permission, Priority
from shared.domain.permissions import reach
from shared.kit.db import Session

NOBODY = {GroupBy.TEAM: "No team", GroupBy.AGENT: "Nobody assigned", GroupBy.PRIORITY: ""}


@dataclass(frozen=True, slots=True)
class Period:
    """[since, until) and what the report is narrowed to."""

    since: datetime
    until: datetime
    team: str | None = None
    agent: str | None = None


async def get_sla_report(session: Session, caller: Caller, period: Period, group_by: GroupBy) -> SlaReport:
    """Per group and metric: met, breached, attainment, median and 90th percentile of the time taken."""
    verdicts = _highest_revisions(caller, period).subquery()
    key = {GroupBy.TEAM: verdicts.c.team_id, GroupBy.AGENT: verdicts.c.agent_id, GroupBy.PRIORITY: verdicts.c.priority}
    rows = (await session.execute(_measured(verdicts, key[group_by]))).all()
    names = await _names(session, group_by, {row.key for row in rows if not row.is_total})
    groups: dict[Any, list[MetricReport]] = {}
    for row in rows:
        if not row.is_total:
            groups.setdefault(row.key, []).append(_metric(row))
    items = [
        GroupReport(id=one if isinstance(one, UUID) else None, name=names[one], metrics=_in_order(metrics))
        for one, metrics in sorted(groups.items(), key=lambda item: _place(item[0], names))
    ]
    total = [_metric(row) for row in rows if row.is_total]
    return SlaReport(from_=period.since, to=period.until, group_by=group_by, items=items, total=_in_order(total))


def _highest_revisions(caller: Caller, period: Period) -> Select[Any]:
    """The last word on each clock, as far as the caller's report permission reaches."""
    latest, newer = SettledClock, aliased(SettledClock)
    is_corrected = exists().where(
        newer.ticket_id == latest.ticket_id,
        newer.metric == latest.metric,
        newer.cycle == latest.cycle,
        newer.revision > latest.revision,
        newer.revision > literal_column("1"),
    )
    conditions: list[ColumnElement[bool]] = [
        latest.settled_at >= period.since,
        latest.settled_at < period.until,
        ~is_corrected,
    ]
    if period.team:
        conditions.append(latest.team_id.in_(_ids(Team.id, Team.slug, period.team)))
    if period.agent:
        conditions.append(latest.agent_id.in_(_ids(Agent.id, Agent.email, period.agent)))
    reached = reach(caller.principal, Permission.REPORT_VIEW)
    if not reached.is_everything:
        own = [latest.agent_id == caller.agent_id] if reached.is_own else []
        conditions.append(or_(latest.team_id.in_(reached.team_ids), *own))
    return select(latest).where(*conditions)


def _measured(verdicts: Subquery, key: ColumnElement[Any]) -> Select[Any]:
    """Counts and percentiles per metric and key, and per metric alone (`is_total`), the verdicts read once."""
    judged = verdicts.c.outcome != Outcome.CANCELLED.value
    elapsed, metric = verdicts.c.elapsed_seconds, verdicts.c.metric
    counts = [func.count().filter(verdicts.c.outcome == outcome.value).label(outcome.value) for outcome in Outcome]
    return select(
        key.label("key"),
        metric,
        (func.grouping(key) == 1).label("is_total"),
        *counts,
        func.percentile_cont(0.5).within_group(elapsed).filter(judged).label("median"),
        func.percentile_cont(0.9).within_group(elapsed).filter(judged).label("p90"),
    ).group_by(func.grouping_sets(tuple_(metric, key), tuple_(metric)))


def _metric(row: Row[Any]) -> MetricReport:
    judged = row.met + row.breached
    return MetricReport(
        metric=Metric(row.metric),
        met=row.met,
        breached=row.breached,
        cancelled=row.cancelled,
        attainment=round(100 * row.met / judged, 1) if judged else None,
        median_seconds=row.median,
        p90_seconds=row.p90,
    )


def _in_order(metrics: list[MetricReport]) -> list[MetricReport]:
    return sorted(metrics, key=lambda one: list(Metric).index(one.metric))


def _place(key: Any, names: dict[Any, str]) -> tuple[int, str]:
    """Priorities from the most urgent; everything else by name, nobody last."""
    if isinstance(key, str):
        return -Priority(key).rank, ""
    return int(key is None), names[key].casefold()


async def _names(session: Session, group_by: GroupBy, keys: set[Any]) -> dict[Any, str]:
    if group_by is GroupBy.PRIORITY:
        return {key: str(key) for key in keys}
    model: type[Team | Agent] = Team if group_by is GroupBy.TEAM else Agent
    rows = await session.execute(select(model.id, model.name).where(model.id.in_(keys - {None})))
    return dict.fromkeys(keys, "(removed)") | {None: NOBODY[group_by]} | dict(rows.tuples().all())


def _ids(key: InstrumentedAttribute[UUID], name: InstrumentedAttribute[str], wanted: str) -> Select[UUID]:
    try:
        return select(key).where(key == UUID(wanted))
    except ValueError:
        return select(key).where(func.lower(name) == wanted.lower())
