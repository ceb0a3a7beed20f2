"""One ticket: what was said, how its promises stand, and what can be done."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from fastapi import APIRouter, Request, Response

from services.assignment.context import Context
from services.assignment.deps import Ctx
from services.assignment.queries.callers import Caller
from services.assignment.queries.conversation import list_entries, list_events
from services.assignment.queries.explanations import get_explanation
from services.assignment.queries.people import list_agents, list_teams
from services.assignment.queries.rests import get_pending_rests
from services.assignment.queries.rules import list_policies
from services.assignment.queries.tickets import get_view
from services.assignment.schemas.conversation import EntryView, EventView
from services.assignment.schemas.people import AgentView
from services.assignment.schemas.tickets import TicketView
from services.assignment.web.frame import Desk, DeskAgent, Notice, PageRoute, TheDesk
from services.assignment.web.why import Story, story_of
from services.assignment.web.words import in_one_line, in_words
from shared.contracts.vocabulary import CloseReason, HoldReason, Permission, Priority, Status
from shared.kit.auth import FileLinks
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Session
from shared.kit.http.problems import Problem

router = APIRouter(route_class=PageRoute)

MOST = 1000
"""Entries shown on one page; older lines of longer tickets are read through the API."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What somebody had written when their form was refused."""

    action: str = ""
    values: dict[str, str] = field(default_factory=dict)
    errors: tuple[tuple[str, str], ...] = ()


@router.get("/tickets/{number}")
async def show_ticket(request: Request, desk: TheDesk, context: Ctx, caller: DeskAgent, number: str) -> Response:
    """The ticket's page."""
    return await ticket_page(request, desk, context, caller, number)


async def ticket_page(
    request: Request,
    desk: Desk,
    context: Context,
    caller: Caller,
    number: str,
    *,
    status: int = 200,
    draft: Draft | None = None,
    notices: Sequence[Notice] = (),
) -> Response:
    """Renders a ticket, perhaps with a draft that was refused."""
    now = utc_now()
    async with context.database.begin() as session:
        ticket = await get_view(session, caller, number, now)
        entries = await _all_entries(session, context.files, ticket)
        events = await _all_events(session, ticket)
        teams = await list_teams(session)
        agents = await list_agents(session)
        policies = await list_policies(session)
        coming = await get_pending_rests(session, ticket.id) if ticket.status is Status.PENDING else None
        stories = await _stories(session, ticket, now)
    names = {str(agent.id): agent.name for agent in agents} | {str(team.id): team.name for team in teams}
    names |= {str(policy.id): policy.name for policy in policies}
    return desk.render(
        request,
        "ticket.html",
        caller,
        status,
        ticket=ticket,
        thread=_thread(entries, events, names),
        evidence=next((event.details for event in events if event.type == "assignment.decided"), None),
        names=names,
        teams=[(str(team.id), team.name) for team in teams],
        agents=[(str(agent.id), agent.name) for agent in agents if _may_take(agent, ticket)],
        policies=[(str(policy.id), policy.name) for policy in policies],
        coming=coming,
        stories=stories,
        policy_name=names.get(str(ticket.sla.policy_id), ""),
        answers=[(answer.label, in_one_line(answer.value)) for answer in ticket.fields],
        priorities=[(one.value, one.value.capitalize()) for one in reversed(Priority)],
        hold_reasons=[(one.value, one.value.replace("_", " ").capitalize()) for one in HoldReason],
        close_reasons=[(one.value, one.value.replace("_", " ").capitalize()) for one in CloseReason],
        can=_can(ticket),
        is_mine=ticket.assignee_id == caller.agent_id,
        draft=draft or Draft(),
        form_id=(draft.values.get("form_id") if draft else None) or str(new_id()),
        notices=notices,
    )


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
        can.add("note")
    if Permission.TICKET_TAG in held:
        can.add("tag")
    return can


def _may_take(agent: AgentView, ticket: TicketView) -> bool:
    """A first sieve for the list of names; the command checks again."""
    return agent.is_active and any(
        membership.team_id == ticket.team_id or membership.scope.value == "all" for membership in agent.memberships
    )


def _thread(
    entries: Sequence[EntryView], events: Sequence[EventView], names: dict[str, str]
) -> list[tuple[datetime, EntryView | None, str]]:
    """Messages, notes and what happened between them, oldest first; what has no words is left out."""
    lines: list[tuple[datetime, EntryView | None, str]] = [(entry.at, entry, "") for entry in entries]
    lines += [(event.at, None, words) for event in events if (words := in_words(event, names))]
    return sorted(lines, key=lambda line: line[0])


async def _stories(session: Session, ticket: TicketView, now: datetime) -> list[Story] | None:
    """Why each clock stands as it does; None where that is too long to be told on a page."""
    if ticket.seq > MOST:
        return None
    try:
        told = await get_explanation(await session.connection(), ticket.id, ticket.number, now)
    except Problem:
        return None
    return [story_of(clock) for clock in told.clocks]


async def _all_entries(session: Session, files: FileLinks, ticket: TicketView) -> list[EntryView]:
    found: list[EntryView] = []
    cursor: str | None = None
    while len(found) < MOST:
        page = await list_entries(session, files, ticket.id, 200, cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    return found


async def _all_events(session: Session, ticket: TicketView) -> list[EventView]:
    found: list[EventView] = []
    cursor: str | None = None
    while len(found) < MOST:
        page = await list_events(session, ticket.id, 200, cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    return found
