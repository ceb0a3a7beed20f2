"""One ticket: what was said, how its SLA stands, and what can be done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Any
from urllib.parse import quote
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from services.assignment.app_state import AppState
from services.assignment.deps import State
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.administration.canned_responses import rendered_for
from services.assignment.queries.ticket_page.followers import list_followers
from services.assignment.queries.ticket_page.links import list_links
from services.assignment.queries.ticket_page.merged_tickets import get_sources
from services.assignment.queries.ticket_page.participants import list_participants
from services.assignment.queries.ticket_page.requester_tickets import list_requester_tickets
from services.assignment.queries.ticket_page.side_conversations import list_side_conversations
from services.assignment.queries.ticket_page.tasks import list_tasks
from services.assignment.queries.ticket_page.team_targets import with_team_target
from services.assignment.queries.ticket_page.thread import (
    ThreadFilter,
    ThreadPage,
    find_decision,
    list_thread,
    thread_seen_by,
)
from services.assignment.queries.ticket_page.ticket_choices import Option, get_ticket_choices
from services.assignment.queries.ticket_page.ticket_parts import get_ticket_parts
from services.assignment.queries.ticket_page.tickets import get_ticket, get_view
from services.assignment.queries.ticket_page.upcoming_timers import get_upcoming_timers
from services.assignment.queries.time_travel.instants import parse_as_of
from services.assignment.renderings import rendered_bodies, side_bodies
from services.assignment.reporting.satisfaction import ratings_of_ticket
from services.assignment.schemas.conversation import NO_SOURCES, EventView
from services.assignment.schemas.tickets import RelatedTicket, TicketView
from services.assignment.sla_analysis.explanations import get_explanation
from services.assignment.web.decision_view import DecisionView, decision_view
from services.assignment.web.labels import format_event_short
from services.assignment.web.page_base import DeskAgent, DeskPageRoute, DeskPages, Notice, TheDesk, zone_of
from services.assignment.web.participant_labels import ParticipantLine
from services.assignment.web.sla_explanation_view import story_of
from services.assignment.web.ticket_page.composer import ComposerState, get_composer
from services.assignment.web.ticket_page.incident_card import get_incident_card
from services.assignment.web.ticket_page.past import Moment, PastRequest, get_moment, past_page, to_change
from services.assignment.web.ticket_page.refused_actions import refused_actions
from services.assignment.web.ticket_page.sla_clocks import clock_lines
from services.assignment.web.ticket_page.timeline import FILTERS, timeline_parts
from shared.contracts.vocabulary import CloseReason, HoldReason, Permission, Priority, Status
from shared.kit.clock import new_id, utc_now
from shared.kit.http.routers import HttpRouter
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.vocabulary import priority_name, reason_name
from shared.kit.satisfaction import SCORES

router = HttpRouter(route_class=DeskPageRoute)

Show = Annotated[ThreadFilter, Query()]
Before = Annotated[str | None, Query(max_length=1024)]

EDITORS = {"replies": "reply", "notes": "note"}
OK = 200
PER_PAGE = 30
"""Lines of the conversation on one page; older ones are a page further."""


@dataclass(frozen=True, slots=True)
class UnsentForm:
    """What somebody had written when their form was refused."""

    action: str = ""
    values: dict[str, str] = field(default_factory=dict)
    errors: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class PageState:
    """How a ticket's page is shown, apart from the ticket itself."""

    status: int = 200
    draft: UnsentForm = UnsentForm()
    notices: Sequence[Notice] = ()
    before: str | None = None
    """The cursor of an older page of the conversation."""
    show: ThreadFilter = ThreadFilter.ALL
    preview: str = ""
    """The draft as it will be shown, made by the renderer."""


NEWEST = PageState()


@router.get("/tickets/{number}")
async def show_ticket(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: DeskAgent,
    number: str,
    moment: Annotated[Moment, Depends(get_moment)],
    canned: UUID | None = None,
) -> Response:
    """The ticket's page; `before` is the cursor of an older page of its conversation, `show` narrows it.

    `canned` begins the reply with a canned response, for browsers without script. `as_of` shows the ticket as it was,
    `change` leads to the instant of a change.
    """
    if moment.change is not None:
        return await to_change(context, caller, number, moment.change)
    if (instant := parse_as_of(moment.as_of, zone_of(caller, context))) is not None:
        return await past_page(request, desk, context, caller, PastRequest(number, instant, moment.before, moment.show))
    state = PageState(before=moment.before, show=moment.show)
    if canned is not None:
        async with context.database.begin() as session:
            begun = await rendered_for(session, caller, number, canned)
        state = replace(state, draft=UnsentForm("replies", {"body": begun.body}))
    return await ticket_page(request, desk, context, caller, number, state)


@router.get("/tickets/{number}/timeline")
async def show_timeline(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: DeskAgent,
    number: str,
    before: Before = None,
    show: Show = ThreadFilter.ALL,
) -> Response:
    """A part of the timeline alone, for the page's script to put below what is there."""
    async with context.database.begin() as session:
        ticket = await get_view(session, caller, number, utc_now())
        sources = await get_sources(session, ticket.id) if ticket.merged else NO_SOURCES
        thread = await list_thread(session, context.file_links, ticket.id, PER_PAGE, before, show=show, sources=sources)
        thread = await thread_seen_by(session, caller, thread)
        choices = await get_ticket_choices(session, ticket.team_id, ticket.sla.policy_id)
    timeline = await _timeline(context, thread, choices.names, show)
    return desk.render(
        request,
        "ticket/timeline.html",
        caller,
        ticket=ticket,
        caller_id=caller.agent_id,
        can=_can(ticket),
        is_part=True,
        **timeline,
    )


@router.get("/tickets/{number}/sla")
async def show_sla(request: Request, desk: TheDesk, context: State, caller: DeskAgent, number: str) -> Response:
    """Why each SLA clock stands as it does. A page of its own, for it reads the ticket's whole event log."""
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, number)
        ticket = found.ticket
        told = await get_explanation(await session.connection(), ticket.id, ticket.number, utc_now())
    stories = [story_of(clock) for clock in told.clocks]
    return desk.render(
        request, "ticket_sla.html", caller, number=ticket.number, subject=ticket.subject, stories=stories
    )


async def ticket_page(
    request: Request,
    desk: DeskPages,
    context: AppState,
    caller: Caller,
    number: str,
    state: PageState = NEWEST,
) -> Response:
    """Renders a ticket, perhaps with a draft that was refused; a merged one leads to the ticket it is part of."""
    now = utc_now()
    async with context.database.begin() as session:
        ticket = await get_view(session, caller, number, now)
        if ticket.merged_into is not None and state.status == OK:
            return _to_target(desk, ticket.number, ticket.merged_into)
        parts = await get_ticket_parts(session, ticket.id, caller.agent_id)
        if parts.has_team_target:
            ticket = await with_team_target(session, ticket, now)
        sources = await get_sources(session, ticket.id) if parts.has_merged else NO_SOURCES
        thread = await list_thread(
            session, context.file_links, ticket.id, PER_PAGE, state.before, show=state.show, sources=sources
        )
        thread = await thread_seen_by(session, caller, thread)
        decision = await find_decision(session, ticket.id)
        in_copy = await list_participants(session, ticket.id) if parts.has_participants else []
        choices = await get_ticket_choices(session, ticket.team_id, ticket.sla.policy_id)
        coming = await get_upcoming_timers(session, ticket.id) if ticket.status is Status.PENDING else None
        composer = await get_composer(session, caller, ticket) if parts.has_writing else ComposerState()
        followers = await list_followers(session, ticket.id) if parts.has_followers else []
        links = await list_links(session, caller, ticket.id) if parts.has_links else []
        tasks = await list_tasks(session, ticket.id) if parts.has_tasks else []
        ratings = await ratings_of_ticket(session, ticket.id) if parts.has_ratings else []
        side = (
            await list_side_conversations(session, context.file_links, ticket.id)
            if parts.has_side_conversations
            else []
        )
        others = await list_requester_tickets(session, caller, ticket.requester.email, ticket.id)
        incident = await get_incident_card(session, caller, ticket, parts)
    names = {**choices.names, **{str(task.id): task.title for task in tasks}}
    policy_name = names.get(str(ticket.sla.policy_id), "")
    return desk.render(
        request,
        "ticket.html",
        caller,
        state.status,
        ticket=ticket,
        **await _timeline(context, thread, names, state.show),
        is_newest=state.before is None,
        is_part=False,
        caller_id=caller.agent_id,
        people=[ParticipantLine.of(view) for view in in_copy],
        decision=_decision(decision, names, ticket),
        names=names,
        teams=choices.teams,
        agents=_self_first(choices.agents, caller),
        policies=choices.policies,
        coming=coming,
        policy_name=policy_name,
        clocks=clock_lines(ticket, policy_name, now),
        refused=refused_actions(ticket),
        composer=composer,
        written=_written(composer, state.draft),
        preview=state.preview,
        followers=followers,
        is_following=any(one.agent.id == caller.agent_id for one in followers),
        links=[link for link in links if incident.own is None or link.kind != "child"],
        tasks=tasks,
        side_conversations=side,
        side_bodies=await side_bodies(context, side),
        others=others,
        ratings=ratings,
        scores=SCORES,
        incident=incident,
        now=now,
        answers=[(answer.label, format_event_short(answer.value)) for answer in ticket.fields],
        priorities=[(one.value, priority_name(one)) for one in reversed(Priority)],
        hold_reasons=[(one.value, reason_name(one)) for one in HoldReason],
        close_reasons=[(one.value, reason_name(one)) for one in CloseReason],
        can=_can(ticket),
        is_mine=ticket.assignee_id == caller.agent_id,
        draft=state.draft,
        form_id=state.draft.values.get("form_id") or str(new_id()),
        notices=state.notices,
    )


def _self_first(agents: Sequence[Option], caller: Caller) -> list[Option]:
    """The agents a ticket may be given to; the reader, if among them, before the others."""
    own = str(caller.agent_id)
    mine = [(id_, gettext("%(name)s (me)", name=name)) for id_, name in agents if id_ == own]
    return mine + [one for one in agents if one[0] != own]


def _to_target(desk: DeskPages, number: str, target: RelatedTicket) -> Response:
    """The page of the ticket that one was merged into, which says so."""
    notice: Notice = (
        "info",
        gettext("%(number)s was merged into this ticket: its entries stand in the timeline.", number=number),
    )
    return desk.redirect(f"/tickets/{quote(target.number, safe='')}", notice)


def _decision(decision: EventView | None, names: Mapping[str, str], ticket: TicketView) -> DecisionView | None:
    if decision is None:
        return None
    return decision_view(decision.details, names, str(ticket.assignee_id) if ticket.assignee_id else None)


async def _timeline(
    context: AppState, thread: ThreadPage, names: Mapping[str, str], show: ThreadFilter
) -> dict[str, Any]:
    """What the timeline's template needs."""
    return {
        "parts": timeline_parts(thread.lines, names, show),
        "bodies": await rendered_bodies(context, [line.entry for line in thread.lines if line.entry is not None]),
        "older": thread.older,
        "show": show,
        "filters": FILTERS,
    }


def _written(composer: ComposerState, unsent: UnsentForm) -> dict[str, str]:
    """What stands in each editor: what was refused just now, or else the draft."""
    written = {kind: composer.draft(kind).body for kind in ("reply", "note")}
    if unsent.action in EDITORS:
        written[EDITORS[unsent.action]] = unsent.values.get("body", "")
    return written


def _can(ticket: TicketView) -> set[str]:
    """The names of everything the page may offer."""
    can = {action.value for action in ticket.allowed_actions}
    held = set(ticket.permissions)
    is_open_to_change = not ticket.is_archived and ticket.status is not Status.CLOSED
    if Permission.TICKET_CLAIM in held and is_open_to_change and ticket.assignee_id is None:
        can.add("claim")
    if Permission.TICKET_REPLY in held and not ticket.is_archived:
        can.add("reply")
    if Permission.TICKET_NOTE in held:
        can |= {"note", "follow"}
    if Permission.TICKET_TAG in held:
        can.add("tag")
    if Permission.TICKET_MERGE in held and not ticket.is_archived:
        can.add("merge")
    if Permission.TICKET_EDIT in held:
        can.add("remove_people")
        if not ticket.is_archived:
            can |= {"ask_people", "edit"}
    return can
