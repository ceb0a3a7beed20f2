"""Paths of assignment that nobody sees: figures for metrics and operators, jobs that look for work, and erasure."""

from collections.abc import Awaitable, Callable, Iterator
from typing import Final

from sqlalchemy import text

from services.assignment.consumers.erasure import ErasureConsumer, erase, erased_among
from services.assignment.desk_jobs.sweep import under_way
from services.assignment.load_differences import MISCOUNTED
from services.assignment.measures import measure_tickets
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.filter_options import get_filter_options
from services.assignment.queries.ticket_lists.suggestions import suggest
from services.assignment.routing.agent_loads import add_up_changes, check_loads
from services.assignment.settings import AssignmentSettings
from services.assignment.stuck_tickets import LATE_TIMERS, LEFT_BEHIND, NOT_STARTED, UNANSWERED
from shared.kit.clock import utc_now
from shared.kit.db import Database, Session
from shared.kit.requester_ids import RequesterIds
from tests.support.growth.fill import A_TICKET
from tests.support.growth.query_plans import Path

OF_OPERATORS: Final = (LATE_TIMERS, NOT_STARTED, LEFT_BEHIND, UNANSWERED, MISCOUNTED)
BEGUN: Final = ("tag:t", "team:s", "assignee:a", "topic:p")
Asking = Callable[[Session], Awaitable[object]]


def paths(database: Database, settings: AssignmentSettings, callers: dict[str, Caller]) -> Iterator[Path]:
    """All of them."""
    for scope, caller in callers.items():
        yield Path(f"how a search could go on, {scope}", _within(database, _suggestions(caller)))
    yield Path("metrics of tickets", lambda: measure_tickets(database))
    yield Path("what operators are told of tickets that stand still", _within(database, _standing_still))
    yield Path("the loads of agents, compared with a count", _within(database, check_loads))
    yield Path("changes of loads are added up", lambda: add_up_changes(database))
    yield Path("bulk actions, exports and analyses that somebody left", _within(database, _left))
    yield Path("a ticket is erased", _undone(database, _erasure(settings)))


def _suggestions(caller: Caller) -> Asking:
    async def ask(session: Session) -> None:
        for begun in BEGUN:
            await suggest(session, caller, begun)
        await get_filter_options(session)

    return ask


async def _standing_still(session: Session) -> None:
    for one in OF_OPERATORS:
        await session.execute(text(one))


async def _left(session: Session) -> None:
    await session.execute(under_way())


def _erasure(settings: AssignmentSettings) -> Asking:
    async def ask(session: Session) -> None:
        await erased_among(session, [A_TICKET])
        await erase(session, RequesterIds(settings), [ErasureConsumer((A_TICKET,), utc_now())])

    return ask


def _within(database: Database, asking: Asking) -> Callable[[], Awaitable[None]]:
    async def run() -> None:
        async with database.begin() as session:
            await asking(session)

    return run


def _undone(database: Database, asking: Asking) -> Callable[[], Awaitable[None]]:
    """It happens, and is taken back, so that the other paths find what they found before."""

    async def run() -> None:
        async with database.begin() as session:
            await asking(session)
            await session.rollback()

    return run
