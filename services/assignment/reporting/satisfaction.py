"""The satisfaction report: who was asked in a period and how they answered, and the ratings behind its numbers.

A rating counts in the period in which its question was asked, for the team and agent that had resolved the ticket; so
answers never outnumber questions, and a late answer adds to the period that it is about.
"""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, String, Subquery, and_, case, cast, func, literal, select, true

from services.assignment.models import Agent, Organisation, RoutingDecision, SatisfactionRating, Team, Ticket, Topic
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.access.visibility import visible_to
from services.assignment.queries.people.people import agent_ids, team_ids
from services.assignment.queries.periods import Period
from services.assignment.reporting.steps import interval_starts
from services.assignment.schemas.activity import ReportInterval
from services.assignment.schemas.satisfaction import (
    RATING_COUNTS,
    SCORES,
    RatingList,
    RatingView,
    SatisfactionCounts,
    SatisfactionDimension,
    SatisfactionGroup,
    SatisfactionPoint,
    SatisfactionReport,
)
from shared.contracts.vocabulary import Permission
from shared.kit.db import Session

PAGE = 100
NO_GROUP = "none"
NOBODY = {
    SatisfactionDimension.TEAM: "No team",
    SatisfactionDimension.AGENT: "Nobody assigned",
    SatisfactionDimension.TOPIC: "No topic",
    SatisfactionDimension.ORGANISATION: "No organisation",
}
_NAMED: dict[SatisfactionDimension, type[Team | Agent | Topic | Organisation]] = {
    SatisfactionDimension.TEAM: Team,
    SatisfactionDimension.AGENT: Agent,
    SatisfactionDimension.TOPIC: Topic,
    SatisfactionDimension.ORGANISATION: Organisation,
}


@dataclass(frozen=True, slots=True)
class RatingFilter:
    """Which ratings of the report are listed."""

    group_by: SatisfactionDimension = SatisfactionDimension.TEAM
    group: str | None = None
    """An id, `none` for those without one; null: all."""
    score: int | None = None
    """From 1 to 5; 0 for questions without an answer; null: every answer."""


async def get_satisfaction_report(
    session: Session,
    caller: Caller,
    period: Period,
    group_by: SatisfactionDimension,
    interval: ReportInterval | None = None,
) -> SatisfactionReport:
    """Counts what the caller's `report.view` permission reaches."""
    entries = _entries(caller, period, _key(group_by).label("key"))
    rows = (await session.execute(_counted(entries).add_columns(entries.c.key).group_by(entries.c.key))).all()
    names = await _names(session, group_by, {row.key for row in rows if row.key})
    groups = [_group(row, group_by, names) for row in rows]
    before = replace(period, since=period.since - (period.until - period.since), until=period.since)
    return SatisfactionReport(
        from_=period.since,
        to=period.until,
        time_zone=period.zone,
        group_by=group_by,
        interval=interval,
        items=sorted(groups, key=lambda one: (one.id is None, one.name.casefold())),
        total=_counts((await session.execute(_counted(entries))).one()),
        previous_total=_counts((await session.execute(_counted(_entries(caller, before)))).one()),
        series=await _series(session, caller, period, interval),
    )


async def list_ratings(session: Session, caller: Caller, period: Period, wanted: RatingFilter, page: int) -> RatingList:
    """The ratings behind a number, of tickets that `ticket.view` reaches."""
    rating = SatisfactionRating
    query = (
        select(rating, Ticket.number, Ticket.subject, Team.name, Agent.name, func.count().over())
        .outerjoin(Team, Team.id == rating.team_id)
        .outerjoin(Agent, Agent.id == rating.agent_id)
        .join(Ticket, Ticket.id == rating.ticket_id)
        .where(*_scope(caller, period), visible_to(caller.principal), _is_wanted(wanted, period))
        .order_by(rating.asked_at.desc(), rating.ticket_id, rating.resolution)
        .limit(PAGE)
        .offset(PAGE * (page - 1))
    )
    rows = (await session.execute(query)).tuples().all()
    count = rows[0][5] if rows else 0
    items = [_view(one, number, subject, team, agent) for one, number, subject, team, agent, _ in rows]
    return RatingList(count=count, page=page, has_more=PAGE * page < count, items=items)


async def ratings_of_ticket(session: Session, ticket_id: UUID) -> list[SatisfactionRating]:
    """The answers about one ticket, the newest resolution first."""
    query = select(SatisfactionRating).where(
        SatisfactionRating.ticket_id == ticket_id, SatisfactionRating.score.is_not(None)
    )
    return list(await session.scalars(query.order_by(SatisfactionRating.resolution.desc())))


def _is_wanted(wanted: RatingFilter, period: Period) -> ColumnElement[bool]:
    score = _score(period)
    conditions: list[ColumnElement[bool]] = [true()]
    if wanted.score is None:
        conditions.append(score.is_not(None))
    else:
        conditions.append(score == wanted.score if wanted.score else score.is_(None))
    if wanted.group is not None:
        key = _key(wanted.group_by)
        conditions.append(key.is_(None) if wanted.group == NO_GROUP else key == wanted.group)
    return and_(*conditions)


def _score(period: Period) -> ColumnElement[Any]:
    """The answer as of the instant that the report is of."""
    score: ColumnElement[Any] = SatisfactionRating.score.expression
    if period.as_of is None:
        return score
    return case((SatisfactionRating.rated_at <= period.as_of, score))


def _scope(caller: Caller, period: Period) -> list[ColumnElement[bool]]:
    rating = SatisfactionRating
    place = (rating.team_id.expression, rating.agent_id.expression)
    conditions = [
        period.holds(rating.asked_at.expression),
        visible_to(caller.principal, Permission.REPORT_VIEW, place),
    ]
    if period.team:
        conditions.append(rating.team_id.in_(team_ids(period.team)))
    if period.agent:
        conditions.append(rating.agent_id.in_(agent_ids(period.agent)))
    return conditions


def _entries(caller: Caller, period: Period, *more: ColumnElement[Any]) -> Subquery:
    """The ratings of a period, one a row."""
    return select(_score(period).label("score"), *more).where(*_scope(caller, period)).subquery("entries")


def _counted(entries: Subquery) -> Select[*tuple[Any, ...]]:
    score = entries.c.score
    return select(
        func.count().label("asked"),
        func.count(score).label("rated"),
        *(func.count().filter(score == value).label(f"score_{value}") for value in SCORES),
    ).select_from(entries)


def _key(group_by: SatisfactionDimension) -> ColumnElement[Any]:
    """The group of a rating as text; null for none. The organisation is that of the ticket's routing decision."""
    rating = SatisfactionRating
    topic = select(cast(Ticket.topic_id, String)).where(Ticket.id == rating.ticket_id)
    organisation = select(RoutingDecision.evidence["organisation_id"].astext).where(
        RoutingDecision.ticket_id == rating.ticket_id
    )
    keys: dict[SatisfactionDimension, ColumnElement[Any]] = {
        SatisfactionDimension.TEAM: cast(rating.team_id, String),
        SatisfactionDimension.AGENT: cast(rating.agent_id, String),
        SatisfactionDimension.TOPIC: topic.scalar_subquery(),
        SatisfactionDimension.ORGANISATION: organisation.scalar_subquery(),
    }
    return keys[group_by]


async def _series(
    session: Session, caller: Caller, period: Period, interval: ReportInterval | None
) -> list[SatisfactionPoint]:
    """Every interval, those without any question too."""
    if interval is None:
        return []
    starts = await interval_starts(session, period, interval)
    at = func.date_trunc(literal(interval.value), SatisfactionRating.asked_at, literal(period.zone))
    entries = _entries(caller, period, at.label("at"))
    rows = await session.execute(_counted(entries).add_columns(entries.c.at).group_by(entries.c.at))
    counted = {row.at: _counts(row) for row in rows}
    nothing = SatisfactionCounts()
    return [
        SatisfactionPoint(at=start, **counted.get(start, nothing).model_dump(include=set(RATING_COUNTS)))
        for start in starts
    ]


def _counts(row: Row[Any]) -> SatisfactionCounts:
    return SatisfactionCounts(**{name: getattr(row, name) for name in RATING_COUNTS})


def _group(row: Row[Any], group_by: SatisfactionDimension, names: dict[str, str]) -> SatisfactionGroup:
    name = NOBODY[group_by] if row.key is None else names.get(row.key, "(removed)")
    return SatisfactionGroup(id=row.key, name=name, **{one: getattr(row, one) for one in RATING_COUNTS})


async def _names(session: Session, group_by: SatisfactionDimension, keys: set[str]) -> dict[str, str]:
    model = _NAMED[group_by]
    query = select(cast(model.id, String), model.name).where(model.id.in_([UUID(key) for key in keys]))
    return dict((await session.execute(query)).tuples().all()) if keys else {}


def _view(one: SatisfactionRating, number: str, subject: str, team: str | None, agent: str | None) -> RatingView:
    return RatingView(
        ticket_id=one.ticket_id,
        number=number,
        subject=subject,
        resolution=one.resolution,
        team=team,
        agent=agent,
        asked_at=one.asked_at,
        score=one.score,
        comment=one.comment,
        rated_at=one.rated_at,
    )
