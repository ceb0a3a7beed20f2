"""The paths of assignment: what the queue lists in every order, counts, routing, reports."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import product
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select

from services.assignment.commands.execution.projection import apply_snapshots
from services.assignment.commands.tickets.return_notices import notify_of_returns
from services.assignment.commands.tickets.returns import forget_told
from services.assignment.models import Policy, Team, Ticket, TicketReturn
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.administration.deactivation import of_agent, of_policy, of_team
from services.assignment.queries.lists import WORKING, Filters, QueueView, Sort, TimeSpan, count_views, list_tickets
from services.assignment.queries.periods import Period
from services.assignment.queries.returns import find_strays, has_work, still_holds
from services.assignment.queries.time_travel.open_tickets import OpenAt
from services.assignment.reporting.activity import get_activity_report, get_arrival_report
from services.assignment.reporting.aggregation import count_events
from services.assignment.reporting.attainment import get_sla_report
from services.assignment.reporting.open_tickets import get_backlog_report, get_workload_report
from services.assignment.routing.abilities import KnownAbilities
from services.assignment.routing.candidates import KnownCandidates
from services.assignment.routing.rosters import Place, lock_rosters
from services.assignment.routing.working_hours import AgentCalendars
from services.assignment.schemas.activity import Dimension, ReportInterval
from services.assignment.schemas.reports import GroupBy
from shared.contracts.base import AgentId, TeamId
from shared.contracts.tickets import TicketSnapshot
from shared.contracts.vocabulary import Channel, Permission, Priority, Scope, Status
from shared.domain.permissions import Grant, Principal
from shared.kit.clock import utc_now
from shared.kit.db import Database
from tests.support.growth.fill import A_TICKET, LOG_IN_RANGES
from tests.support.growth.query_plans import Path

EVERYTHING = frozenset(Permission)
FILLED = 100_000
"""Closed tickets of which every list of some of them, or of all, has more than it reads."""
NARROWED = {
    "status closed": Filters(status=(Status.CLOSED,)),
    "status resolved": Filters(status=(Status.RESOLVED,)),
    "status open or pending": Filters(status=(Status.OPEN, Status.PENDING)),
    "closed and unassigned": Filters(status=(Status.CLOSED,), assignee="none"),
    "mine, closed": Filters(QueueView.MINE, status=(Status.CLOSED,)),
    "of a team": Filters(team="service-desk"),
    "of an agent": Filters(assignee="ada@everdesk.example"),
    "urgent": Filters(priority=(Priority.URGENT,)),
    "urgent, closed": Filters(status=(Status.CLOSED,), priority=(Priority.URGENT,)),
    "low, resolved": Filters(status=(Status.RESOLVED,), priority=(Priority.LOW,)),
    "of a topic nobody uses": Filters(topic="nothing-such"),
    "tagged as many are": Filters(tag="tag3"),
    "tagged as few are": Filters(tag="rare"),
    "a frequent word": Filters(q="printer"),
    "a rare word": Filters(q="zeppelin"),
    "a word that is nowhere": Filters(q="xylophone"),
    "a number": Filters(q="#G-77"),
    "a word without another": Filters(q="printer -fire"),
    "a rare word without another": Filters(q="zeppelin -fire"),
    "two letters": Filters(q="zq"),
}


def callers(teams: list[UUID], agent: UUID) -> dict[str, Caller]:
    """Who may see everything, two teams, and one's own tickets with those of a team."""
    first, second, *_ = (TeamId(team) for team in teams)
    grants = {
        "everything": (Grant(first, Scope.ALL, EVERYTHING),),
        "two teams": (Grant(first, Scope.TEAMS, EVERYTHING), Grant(second, Scope.TEAMS, EVERYTHING)),
        "own and a team": (Grant(first, Scope.TEAMS, EVERYTHING), Grant(second, Scope.ASSIGNED, EVERYTHING)),
    }
    return {
        name: Caller(Principal(AgentId(agent), one), "ada@everdesk.example", "Ada", Channel.DESK, b"")
        for name, one in grants.items()
    }


def paths(database: Database, teams: list[UUID], agents: list[UUID]) -> Iterator[Path]:
    """All of them."""
    for (scope, caller), view, sort in product(callers(teams, agents[0]).items(), QueueView, Sort):
        yield _list(database, f"list, {scope}, {view}, by {sort}", caller, Filters(view), sort)
    for (scope, caller), (name, filters) in product(callers(teams, agents[0]).items(), NARROWED.items()):
        for sort in (Sort.UPDATED_LAST, Sort.CREATED, Sort.PRIORITY):
            yield _list(database, f"list, {scope}, {name}, by {sort}", caller, filters, sort)
    for scope, caller in callers(teams, agents[0]).items():
        yield _counts(database, f"counts of the views, {scope}", caller)
        yield _report(database, f"SLA report of 30 days, {scope}", caller)
        yield _activity(database, f"activity and arrivals of 30 days, {scope}", caller)
        yield _open_tickets(database, f"backlog and workload, {scope}", caller)
        yield _past_lists(database, f"lists and backlog as of yesterday, {scope}", caller)
    yield _aggregation(database)
    yield _rosters(database, agents)
    yield _projection(database)
    yield _returns(database)
    yield _settled_returns(database)
    yield _deactivations(database, agents[0], teams[0], callers(teams, agents[0])["everything"])


def _list(database: Database, name: str, caller: Caller, filters: Filters, sort: Sort) -> Path:
    async def run() -> int:
        async with database.begin() as session:
            page = await list_tickets(session, caller, filters, sort, TimeSpan(25, None, utc_now()))
            if not page.next_cursor:
                return len(page.items)
            second = await list_tickets(session, caller, filters, sort, TimeSpan(25, page.next_cursor, utc_now()))
            return len(page.items) + len(second.items)

    return Path(name, run, 0 if _is_of_open(filters) else FILLED)


def _is_of_open(filters: Filters) -> bool:
    """Whether a list leaves out what is over."""
    statuses = filters.status or (WORKING if filters.view is not QueueView.ALL else tuple(Status))
    return not {Status.RESOLVED, Status.CLOSED} & set(statuses)


def _counts(database: Database, name: str, caller: Caller) -> Path:
    async def run() -> None:
        async with database.begin() as session:
            await count_views(session, caller, utc_now())

    return Path(name, run)


def _report(database: Database, name: str, caller: Caller) -> Path:
    async def run() -> None:
        now = utc_now()
        async with database.begin() as session:
            for group_by in GroupBy:
                await get_sla_report(session, caller, Period(now - timedelta(days=30), now), group_by)

    return Path(name, run)


def _activity(database: Database, name: str, caller: Caller) -> Path:
    async def run() -> None:
        now = utc_now()
        period = Period(now - timedelta(days=30), now)
        async with database.begin() as session:
            for group_by in (Dimension.TEAM, Dimension.AGENT):
                await get_activity_report(session, caller, period, group_by, ReportInterval.DAY)
            await get_arrival_report(session, caller, period)

    return Path(name, run, LOG_IN_RANGES)


def _open_tickets(database: Database, name: str, caller: Caller) -> Path:
    async def run() -> None:
        async with database.begin() as session:
            await get_backlog_report(session, caller, None, Dimension.PRIORITY, OpenAt(utc_now()))
            await get_workload_report(session, caller, None, OpenAt(utc_now()))

    return Path(name, run)


def _past_lists(database: Database, name: str, caller: Caller) -> Path:
    async def run() -> int:
        as_of, shown = utc_now() - timedelta(days=1), 0
        async with database.begin() as session:
            for filters, sort in ((Filters(), Sort.UPDATED_LAST), (Filters(QueueView.TEAM), Sort.DUE)):
                page = await list_tickets(session, caller, filters, sort, TimeSpan(25, None, utc_now(), as_of))
                shown += len(page.items)
            await get_backlog_report(session, caller, None, Dimension.TEAM, OpenAt.of(as_of))
        return shown

    return Path(name, run)


def _aggregation(database: Database) -> Path:
    async def run() -> None:
        await count_events(database, "UTC", utc_now())

    return Path("aggregation of new events", run)


def _rosters(database: Database, teams: list[UUID]) -> Path:
    async def run() -> None:
        async with database.begin() as session:
            place = Place(AgentCalendars(), KnownAbilities(), KnownCandidates(), ZoneInfo("UTC"))
            await lock_rosters(session, place, teams, utc_now())

    return Path("routing: what its agents have on their desks", run)


def _returns(database: Database) -> Path:
    async def run() -> None:
        now = utc_now()
        async with database.begin() as session:
            await find_strays(session, now, 40)
            await has_work(session, now, now)
            await notify_of_returns(session, now)

    return Path("tickets that nobody looks at", run)


def _projection(database: Database) -> Path:
    async def run() -> None:
        async with database.begin() as session:
            known = await session.scalar(select(Ticket.snapshot).where(Ticket.id == A_TICKET))
            snapshot = TicketSnapshot.model_validate(known)
            await apply_snapshots(session, [snapshot.model_copy(update={"seq": 1})])

    return Path("the projection of an event", run)


def _settled_returns(database: Database) -> Path:
    async def run() -> None:
        async with database.begin() as session:
            lines = list(await session.scalars(select(TicketReturn).where(TicketReturn.ticket_id == A_TICKET)))
            await still_holds(session, lines)
            await forget_told(session)

    return Path("what came back to a team: of a ticket, and what was settled long ago", run)


def _deactivations(database: Database, agent: UUID, team: UUID, caller: Caller) -> Path:
    async def run() -> None:
        async with database.begin() as session:
            await of_agent(session, caller, agent)
            await of_team(session, await session.get_one(Team, team))
            policy_id = await session.scalar(select(Policy.id).where(Policy.is_current).limit(1))
            if policy_id is not None:
                await of_policy(session, policy_id)

    return Path("what points to an agent, a team and a policy", run)
