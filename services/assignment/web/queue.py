"""The queue: views with their counts, filters, pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response

from services.assignment.deps import State
from services.assignment.queries.lists import COUNTED, Filters, QueueView, Sort, TimeSpan, count_views, list_tickets
from services.assignment.queries.people import list_agents, list_teams
from services.assignment.schemas.tickets import TicketView
from services.assignment.web.page_base import DeskAgent, DeskPageRoute, TheDesk
from shared.contracts.tickets import Clock
from shared.contracts.vocabulary import ClockState, Priority, Status
from shared.kit.clock import utc_now

router = APIRouter(route_class=DeskPageRoute)

PER_PAGE = 25
VIEWS: Mapping[QueueView, str] = {
    QueueView.MINE: "Mine",
    QueueView.TEAM: "My teams",
    QueueView.UNASSIGNED: "Unassigned",
    QueueView.OVERDUE: "Overdue",
    QueueView.ALL: "All",
}
SORTS: Mapping[Sort, str] = {
    Sort.UPDATED_LAST: "Last updated",
    Sort.DUE: "Due first",
    Sort.PRIORITY: "Most urgent",
    Sort.CREATED_LAST: "Newest",
    Sort.CREATED: "Oldest",
}


@dataclass(frozen=True, slots=True)
class QueueRequest:
    """The queue as asked for; anything odd in the address means "not narrowed"."""

    view: QueueView
    status: Status | None
    priority: Priority | None
    team: str
    assignee: str
    q: str
    sort: Sort
    cursor: str | None

    @property
    def filters(self) -> Filters:
        """What the list is narrowed to."""
        return Filters(
            view=self.view,
            status=(self.status,) if self.status else (),
            team=self.team or None,
            assignee=self.assignee or None,
            priority=(self.priority,) if self.priority else (),
            q=self.q or None,
        )

    @property
    def is_narrowed(self) -> bool:
        """Whether clearing the filters could show more."""
        return bool(self.status or self.priority or self.team or self.assignee or self.q)

    def url(self, **changes: str) -> str:
        """This queue with something else; a new list starts at its first page."""
        values = {
            "view": self.view.value,
            "status": self.status.value if self.status else "",
            "priority": self.priority.value if self.priority else "",
            "team": self.team,
            "assignee": self.assignee,
            "q": self.q,
            "sort": self.sort.value,
            **changes,
        }
        return "/queue?" + urlencode({name: value for name, value in values.items() if value})


async def get_asked(
    view: str = "",
    status: str = "",
    priority: str = "",
    team: Annotated[str, Query(max_length=64)] = "",
    assignee: Annotated[str, Query(max_length=254)] = "",
    q: Annotated[str, Query(max_length=254)] = "",
    sort: str = "",
    cursor: Annotated[str | None, Query(max_length=1024)] = None,
) -> QueueRequest:
    """The filters of the address."""
    return QueueRequest(
        view=QueueView(view) if view in set(QueueView) else QueueView.MINE,
        status=Status(status) if status in set(Status) else None,
        priority=Priority(priority) if priority in set(Priority) else None,
        team=_printable(team),
        assignee=_printable(assignee),
        q=_printable(q.strip()),
        sort=Sort(sort) if sort in set(Sort) else Sort.UPDATED_LAST,
        cursor=cursor or None,
    )


@router.get("/queue")
async def show_queue(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: DeskAgent,
    asked: Annotated[QueueRequest, Depends(get_asked)],
) -> Response:
    """One page of tickets."""
    now = utc_now()
    async with context.database.begin() as session:
        page = await list_tickets(session, caller, asked.filters, asked.sort, TimeSpan(PER_PAGE, asked.cursor, now))
        counts = await count_views(session, caller, now)
        teams = await list_teams(session)
        agents = await list_agents(session)
    return desk.render(
        request,
        "queue.html",
        caller,
        asked=asked,
        page=page,
        next_clock=next_clock,
        views=[
            (asked.url(view=view.value), name, view is asked.view, shown(counts[view])) for view, name in VIEWS.items()
        ],
        sorts=[(sort.value, name) for sort, name in SORTS.items()],
        statuses=[(status.value, status.value.replace("_", " ").capitalize()) for status in Status],
        priorities=[(priority.value, priority.value.capitalize()) for priority in reversed(Priority)],
        teams=[(team.slug, team.name) for team in teams],
        agents=[("none", "Nobody"), ("me", "Me"), *((str(agent.id), agent.name) for agent in agents)],
    )


def shown(count: int) -> str:
    """A count as its tab has it."""
    return f"{COUNTED}+" if count > COUNTED else str(count)


def next_clock(ticket: TicketView) -> Clock | None:
    """The clock to watch: the running one that is due first, else a paused one."""
    open_clocks = [clock for clock in ticket.sla.clocks if clock.state is not ClockState.SETTLED]
    running = [clock for clock in open_clocks if clock.state is ClockState.RUNNING and clock.due_at]
    return min(running, key=lambda clock: clock.due_at or utc_now(), default=next(iter(open_clocks), None))


def _printable(text: str) -> str:
    return text if text.isprintable() else ""
