"""The page that merges a ticket into another: finds that by number, words or requester, and shows both first."""

from typing import Annotated

from fastapi import Query, Request, Response

from services.assignment.deps import State
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.lists import Filters, QueueView, Sort, TimeSpan, list_tickets
from services.assignment.queries.ticket_page.merged_tickets import find_root
from services.assignment.queries.ticket_page.requester_tickets import list_requester_tickets
from services.assignment.queries.ticket_page.tickets import get_ticket, get_view
from services.assignment.schemas.search_language import SearchProblem
from services.assignment.schemas.tickets import TicketView
from services.assignment.web.page_base import DeskAgent, DeskPageRoute, TheDesk
from services.assignment.web.refusal_texts import refusal_text
from shared.contracts.vocabulary import Permission, Status
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Session
from shared.kit.http.problems import Problem
from shared.kit.http.routers import HttpRouter
from shared.kit.ticket_numbers import reference_in

router = HttpRouter(route_class=DeskPageRoute)
FOUND = 12
OPEN_TO_MERGE = tuple(status for status in Status if status is not Status.CLOSED)
"""No ticket can be merged into a closed one."""


@router.get("/tickets/{number}/merge")
async def show_merge(
    request: Request,
    desk: TheDesk,
    context: State,
    caller: DeskAgent,
    number: str,
    q: Annotated[str, Query(max_length=255)] = "",
    into: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """A search for the other ticket; once one is chosen, both beside each other, and what the merge does."""
    words = q.strip() if q.isprintable() else ""
    problem = ""
    async with context.database.begin() as session:
        (await get_ticket(session, caller, number)).require(Permission.TICKET_MERGE)
        ticket = await get_view(session, caller, number, utc_now())
        target = await _find_target(session, caller, into) if into.strip() else None
        found: list[TicketView] = []
        if target is None and words:
            found, problem = await _search(session, caller, words)
        others = await list_requester_tickets(session, caller, ticket.requester.email, ticket.id) if not words else []
    return desk.render(
        request,
        "ticket/merge.html",
        caller,
        ticket=ticket,
        target=target,
        obstacle=_obstacle(ticket, target),
        is_unknown=bool(into.strip()) and target is None,
        words=words,
        problem=problem,
        found=[one for one in found if one.id != ticket.id],
        others=[one for one in others if one.status is not Status.CLOSED],
        form_id=str(new_id()),
    )


async def _find_target(session: Session, caller: Caller, reference: str) -> TicketView | None:
    """The ticket that is named; for one that is part of another, that one. None if it may not be seen."""
    try:
        named = await get_ticket(session, caller, reference_in(reference))
        root = await find_root(session, named.ticket.id)
        return await get_view(session, caller, str(root), utc_now())
    except Problem:
        return None


async def _search(session: Session, caller: Caller, words: str) -> tuple[list[TicketView], str]:
    """The tickets found, and what is wrong with a search that means nothing."""
    filters = Filters(QueueView.ALL, OPEN_TO_MERGE, q=reference_in(words))
    try:
        page = await list_tickets(session, caller, filters, Sort.UPDATED_LAST, TimeSpan(FOUND, None, utc_now()))
    except SearchProblem as problem:
        return [], refusal_text(problem.detail)
    return page.items, ""


def _obstacle(ticket: TicketView, target: TicketView | None) -> str:
    """Why these two cannot be merged, as far as it can be seen now: which sentence the page shows."""
    if target is None:
        return ""
    if target.id == ticket.id:
        return "same"
    if ticket.is_archived or target.is_archived:
        return "archived"
    if target.status is Status.CLOSED:
        return "closed"
    return "" if Permission.TICKET_MERGE in target.permissions else "forbidden"
