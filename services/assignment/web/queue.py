"""The queue: views with their counts, filters, search, pages."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Request, Response

from services.assignment.commands.action_registry import ACTIONS
from services.assignment.deps import State
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.filter_options import Option, get_filter_options
from services.assignment.queries.lists import Sort, TimeSpan, list_tickets
from services.assignment.queries.saved_views import (
    NAMES,
    filters_of,
    get_saved_view,
    list_views,
    over,
)
from services.assignment.queries.ticket_page.links import count_children_of
from services.assignment.queries.time_travel.instants import parse_as_of
from services.assignment.schemas.desk import Column, ViewAnswer
from services.assignment.schemas.search_language import Key, SearchProblem
from services.assignment.schemas.tickets import TicketPage, TicketView
from services.assignment.web.action_names import action_name
from services.assignment.web.page_base import DeskAgent, DeskPageRoute, TheDesk, zone_of
from services.assignment.web.queue_request import COLUMN_SORTS, DUES, RISING, SORTS, QueueRequest, get_asked
from services.assignment.web.refusal_texts import refusal_text
from services.assignment.web.ticket_page.past import past_url
from shared.contracts.tickets import Clock
from shared.contracts.vocabulary import Channel, ClockState, Permission, Priority, Status
from shared.domain.permissions import holds
from shared.kit.clock import utc_now
from shared.kit.db import Session
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _
from shared.kit.i18n.vocabulary import channel_name, priority_name, status_name

router = HttpRouter(route_class=DeskPageRoute)

PER_PAGE = 25
LABELS = {
    Column.REQUESTER: _("From"),
    Column.STATUS: _("Status"),
    Column.PRIORITY: _("Priority"),
    Column.ASSIGNEE: _("Assignee"),
    Column.TEAM: _("Team"),
    Column.TOPIC: _("Topic"),
    Column.TAGS: _("Tags"),
    Column.DUE: _("SLA due"),
    Column.CREATED: _("Created"),
    Column.UPDATED: _("Updated"),
}
BULK_ACTIONS = tuple(name for name in ACTIONS if name not in ("triage", "change-policy"))
"""What the page offers to do to many tickets; the API offers the rest too."""


@dataclass(frozen=True, slots=True)
class ColumnOrder:
    """The head of a column by which the list can be sorted."""

    aria: str
    """`ascending` or `descending` where the list is in this column's order, else nothing."""
    next: str
    """The order that a click gives."""
    label: str


@dataclass(frozen=True, slots=True)
class ShownList:
    """The list of a page, in the order it was asked for or its view has."""

    asked: QueueRequest
    page: TicketPage
    sort: Sort
    problem: str = ""
    """What is wrong with the search, if it means nothing."""


@router.get("/queue")
async def show_queue(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: DeskAgent,
    asked: Annotated[QueueRequest, Depends(get_asked)],
) -> Response:
    """One page of tickets."""
    now, zone = utc_now(), zone_of(caller, context)
    as_of = parse_as_of(asked.as_of, zone)
    async with context.database.begin() as session:
        shown = await _shown(session, caller, asked, now, as_of)
        views = await list_views(session, caller, now)
        options = await get_filter_options(session)
        children = {} if as_of else await count_children_of(session, [ticket.id for ticket in shown.page.items])
    current = next((view for view in views if view.id == asked.view), None)
    return desk.render(
        request,
        "queue.html",
        caller,
        422 if shown.problem else 200,
        **_values(shown, views, current),
        options=options,
        sharings=_sharings(caller, options.team_ids),
        as_of=as_of,
        as_of_local=as_of.astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S") if as_of else "",
        as_of_utc=as_of.strftime("%Y-%m-%dT%H:%M:%S") if as_of else "",
        past_url=past_url,
        children=children,
        preferences=caller.preferences,
    )


def _sharings(caller: Caller, teams: list[Option]) -> list[Option]:
    """Whom the caller may share a view with: their own teams, and everybody who administers teams."""
    is_admin = holds(caller.principal, Permission.ADMIN_TEAMS)
    own = {str(grant.team_id) for grant in caller.principal.grants}
    shared = [(f"team:{id_}", name) for id_, name in teams if is_admin or id_ in own]
    everybody = [("everybody", gettext("All agents"))] if is_admin else []
    return [("personal", gettext("Only me")), *shared, *everybody]


def _values(shown: ShownList, views: list[ViewAnswer], current: ViewAnswer | None) -> dict[str, Any]:
    """What the template shows beside the choices of the form."""
    asked = shown.asked
    return {
        "asked": asked,
        "page": shown.page,
        "problem": shown.problem,
        "current": current,
        "title": _view_name(current) if current else gettext("Queue"),
        "sort": shown.sort.value,
        "next_clock": next_clock,
        "labels": {name: gettext(label) for name, label in LABELS.items()},
        "views": [
            (f"/queue?view={view.id}", _view_name(view), view.id == asked.view, view.count_shown) for view in views
        ],
        "sorts": [(sort.value, gettext(name)) for sort, name in SORTS.items()],
        "orders": {column: _order(column, shown.sort) for column in COLUMN_SORTS},
        "dues": [(due, gettext(name)) for due, name in DUES],
        "statuses": [(status.value, status_name(status)) for status in Status],
        "priorities": [(priority.value, priority_name(priority)) for priority in reversed(Priority)],
        "channels": [(one.value, channel_name(one)) for one in Channel],
        "bulk_actions": [(name, action_name(name)) for name in BULK_ACTIONS],
        "tokens": [f"{key.value}:" for key in Key],
    }


def _order(column: Column, shown: Sort) -> ColumnOrder:
    """What a column's head says and leads to in a list of this order."""
    first, second = COLUMN_SORTS[column]
    wanted = second if shown is first else first
    direction = ("ascending" if shown in RISING else "descending") if shown in (first, second) else ""
    return ColumnOrder(direction, wanted.value, gettext(SORTS[wanted]))


def _view_name(view: ViewAnswer) -> str:
    """A view of the desk's own by its name in the reader's language, a saved one as it was called."""
    return gettext(view.name) if view.id in set(NAMES) else view.name


async def _shown(
    session: Session, caller: Caller, asked: QueueRequest, now: datetime, as_of: datetime | None
) -> ShownList:
    """The list; none, and the reason, where the search means nothing. Raises Problem 404 and 422."""
    filters, sort = asked.filters, asked.sort or Sort.DUE
    if asked.saved_id is not None:
        view = await get_saved_view(session, caller, asked.saved_id)
        filters, sort = over(filters_of(view), filters), asked.sort or Sort(view.sort)
        asked = replace(asked, columns=tuple(Column(name) for name in view.columns))
    try:
        page = await list_tickets(session, caller, filters, sort, TimeSpan(PER_PAGE, asked.cursor, now, as_of))
    except SearchProblem as problem:
        return ShownList(asked, TicketPage(items=[]), sort, refusal_text(problem.detail))
    return ShownList(asked, page, sort)


def next_clock(ticket: TicketView) -> Clock | None:
    """The clock to watch: the running one that is due first, else a paused one."""
    open_clocks = [clock for clock in ticket.sla.clocks if clock.state is not ClockState.SETTLED]
    running = [clock for clock in open_clocks if clock.state is ClockState.RUNNING and clock.due_at]
    return min(running, key=lambda clock: clock.due_at or utc_now(), default=next(iter(open_clocks), None))
