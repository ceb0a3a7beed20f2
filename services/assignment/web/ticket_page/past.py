"""A ticket's page as it was at an instant of the past, and the way through its changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.status import HTTP_303_SEE_OTHER

from services.assignment.app_state import AppState
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.administration.configuration import list_policies
from services.assignment.queries.people.people import list_agents, list_teams
from services.assignment.queries.ticket_page.team_targets import with_team_target
from services.assignment.queries.ticket_page.thread import ThreadFilter, list_thread, thread_seen_by
from services.assignment.queries.ticket_page.tickets import get_ticket
from services.assignment.queries.time_travel.snapshots import get_past_view, list_change_instants
from services.assignment.renderings import rendered_bodies
from services.assignment.schemas.people import AgentView, TeamView
from services.assignment.schemas.rules import PolicyView
from services.assignment.web.labels import format_event_short
from services.assignment.web.page_base import DeskPages
from services.assignment.web.ticket_page.sla_clocks import clock_lines
from services.assignment.web.ticket_page.timeline import FILTERS, timeline_parts
from shared.kit.i18n.formats import format_duration
from shared.kit.i18n.messages import gettext

PER_PAGE = 30
NOBODY = "nobody"
"""In place of the reader's id: nobody may edit what is shown."""


@dataclass(frozen=True, slots=True)
class Moment:
    """Which moment a ticket's page is asked for: an instant, the number of a change, or now; and which part."""

    as_of: str
    change: int | None
    before: str | None
    show: ThreadFilter


async def get_moment(
    as_of: Annotated[str, Query(max_length=64)] = "",
    change: Annotated[int | None, Query(ge=0, lt=2**31)] = None,
    before: Annotated[str | None, Query(max_length=1024)] = None,
    show: ThreadFilter = ThreadFilter.ALL,
) -> Moment:
    """The moment of the address."""
    return Moment(as_of, change, before, show)


@dataclass(frozen=True, slots=True)
class PastRequest:
    """Which instant of which ticket, and which part of its conversation."""

    number: str
    as_of: datetime
    before: str | None = None
    show: ThreadFilter = ThreadFilter.ALL

    def url(self, as_of: datetime) -> str:
        """The page at another instant."""
        show = {"show": self.show.value} if self.show is not ThreadFilter.ALL else {}
        return past_url(self.number, as_of, **show)


@dataclass(frozen=True, slots=True)
class Slider:
    """Where an instant lies among a ticket's changes."""

    place: int
    """The number of the last change up to then, from 1."""
    count: int
    earlier: datetime | None
    """The instant of the change before; None at the first."""
    later: datetime | None

    @classmethod
    def of(cls, instants: Sequence[datetime], as_of: datetime) -> "Slider":
        """The place of `as_of` among the instants, which are in order and begin with the opening."""
        place = max(1, sum(at <= as_of for at in instants))
        earlier = instants[place - 2] if place > 1 else None
        return cls(place, len(instants), earlier, instants[place] if place < len(instants) else None)


def past_url(number: str, as_of: datetime, **more: str) -> str:
    """The address of a ticket's page at an instant."""
    return f"/tickets/{quote(number, safe='')}?{urlencode({'as_of': as_of.isoformat(), **more})}"


async def to_change(context: AppState, caller: Caller, number: str, change: int) -> Response:
    """Leads to the instant of a change, counted from 1; 0 is the newest but one. Raises Problem 404."""
    async with context.database.begin() as session:
        ticket = (await get_ticket(session, caller, number)).ticket
        instants = await list_change_instants(session, ticket.id, ticket.created_at)
    place = change or len(instants) - 1
    return RedirectResponse(
        past_url(ticket.number, instants[min(max(place, 1), len(instants)) - 1]), HTTP_303_SEE_OTHER
    )


async def past_page(
    request: Request, desk: DeskPages, context: AppState, caller: Caller, asked: PastRequest
) -> Response:
    """Renders the ticket as it was, without anything that would change it. Raises Problem 404 and 422."""
    as_of = asked.as_of
    async with context.database.begin() as session:
        ticket = await with_team_target(session, await get_past_view(session, caller, asked.number, as_of), as_of)
        thread = await list_thread(
            session, context.file_links, ticket.id, PER_PAGE, asked.before, show=asked.show, as_of=as_of
        )
        thread = await thread_seen_by(session, caller, thread)
        instants = await list_change_instants(session, ticket.id, ticket.created_at)
        agents, teams, policies = await list_agents(session), await list_teams(session), await list_policies(session)
    named: Sequence[AgentView | TeamView | PolicyView] = [*agents, *teams, *policies]
    names = {str(one.id): one.name for one in named}
    policy_name = names.get(str(ticket.sla.policy_id), "")
    slider = Slider.of(instants, as_of)
    return desk.render(
        request,
        "ticket_past.html",
        caller,
        ticket=ticket,
        as_of=as_of,
        slider=slider,
        earlier=asked.url(slider.earlier) if slider.earlier else None,
        later=asked.url(slider.later) if slider.later else None,
        older_query=urlencode({"as_of": as_of.isoformat()}),
        parts=timeline_parts(thread.lines, names, asked.show),
        bodies=await rendered_bodies(context, [line.entry for line in thread.lines if line.entry is not None]),
        older=thread.older,
        show=asked.show,
        shows=[(past_url(ticket.number, as_of, show=kind.value), label, kind == asked.show) for kind, label in FILTERS],
        clocks=[(line, _ago(line.due_at, as_of)) for line in clock_lines(ticket, policy_name, as_of)],
        policy_name=policy_name,
        answers=[(answer.label, format_event_short(answer.value)) for answer in ticket.fields],
        caller_id=NOBODY,
        can=(),
    )


def _ago(due_at: datetime | None, as_of: datetime) -> str:
    """The time to a due instant as it then was: "in 2 h 5 min"; empty without one."""
    if due_at is None:
        return ""
    left = due_at - as_of
    time = format_duration(abs(left).total_seconds())
    return gettext("in %(time)s", time=time) if left >= timedelta() else gettext("%(time)s before", time=time)
