"""How long the present team has held a ticket, against the team's target; from the event log."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from services.assignment.calendar_resolution import resolve
from services.assignment.models import Calendar, LoggedEvent, Team
from services.assignment.schemas.tickets import TeamTarget, TicketView
from shared.contracts.calendars import WEEKDAYS, AnyCalendar, BusinessCalendar
from shared.contracts.vocabulary import Status
from shared.domain.team_target import Holding, team_clock
from shared.kit.db import Session

MOVES = ("opened", "triaged", "assigned", "released", "transferred", "escalated", "pended", "held", "resumed")
ENDS = ("resolved", "reopened", "closed", "message_recorded")
TYPES = tuple(f"ticket.{name}" for name in (*MOVES, *ENDS))
"""Events after which a ticket may have another team or status."""
ALWAYS = BusinessCalendar.model_validate(
    {
        "timezone": "UTC",
        "weekly": {day: [["00:00", "24:00"]] for day in WEEKDAYS},
    }
)


async def with_team_target(session: Session, ticket: TicketView, now: datetime) -> TicketView:
    """The ticket with its team's clock, if the team has a target."""
    if ticket.team_id is None:
        return ticket
    query = (
        select(Team.hold_seconds, Calendar)
        .outerjoin(Calendar, (Calendar.slug == Team.calendar) & Calendar.is_current)
        .where(Team.id == ticket.team_id, Team.hold_seconds.is_not(None))
    )
    row = (await session.execute(query)).one_or_none()
    if row is None:
        return ticket
    hold_seconds, calendar = row.tuple()
    holdings = await _holdings(session, ticket.id, now)
    clock = team_clock(holdings, _hours(calendar, now), timedelta(seconds=hold_seconds or 0), now)
    if clock is None or clock.team_id != ticket.team_id:
        return ticket
    target = TeamTarget(
        team_id=clock.team_id,
        since=clock.since,
        target=clock.target,
        elapsed=clock.elapsed,
        due_at=clock.due_at,
        state=clock.state,
        is_over=clock.is_over,
    )
    return ticket.model_copy(update={"team_target": target})


async def _holdings(session: Session, ticket_id: UUID, now: datetime) -> list[Holding]:
    snapshot = LoggedEvent.data["snapshot"]
    query = (
        select(LoggedEvent.at, snapshot["team_id"].astext, snapshot["status"].astext)
        .where(LoggedEvent.ticket_id == ticket_id, LoggedEvent.type.in_(TYPES), LoggedEvent.data.has_key("snapshot"))
        .where(LoggedEvent.at <= now)
        .order_by(LoggedEvent.seq)
    )
    found: list[Holding] = []
    for at, team_id, status in (await session.execute(query)).tuples():
        one = Holding(at, UUID(team_id) if team_id else None, Status(status))
        if not found or (found[-1].team_id, found[-1].status) != (one.team_id, one.status):
            found.append(one)
    return found


def _hours(calendar: Calendar | None, now: datetime) -> AnyCalendar:
    if calendar is None:
        return ALWAYS
    return resolve(BusinessCalendar.model_validate(calendar.body), calendar.slug, calendar.version, now, years=1)
