"""Canned responses on the ticket page: the list, and one rendered for the editor."""

import json
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response

from services.assignment.deps import State
from services.assignment.queries.administration.canned_responses import rendered_for, responses_for
from services.assignment.queries.ticket_page.tickets import get_ticket
from services.assignment.web.page_base import DeskAgent, DeskPageRoute, TheDesk
from services.assignment.web.ticket_writing import wants_json
from shared.kit.http.routers import HttpRouter

router = HttpRouter(route_class=DeskPageRoute)

Words = Annotated[str, Query(max_length=255)]


@router.get("/tickets/{number}/canned")
async def show_canned(
    request: Request, desk: TheDesk, context: State, caller: DeskAgent, number: str, q: Words = ""
) -> Response:
    """The responses for this ticket: JSON for the script, or a page of links that start a reply."""
    words = q.strip() if q.isprintable() else ""
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, number)
        fitting = await responses_for(session, caller, found.ticket, words)
    if wants_json(request):
        items = [{"id": str(one.id), "title": one.title} for one in fitting]
        return Response(json.dumps({"items": items}), media_type="application/json")
    return desk.render(
        request, "ticket/canned.html", caller, number=found.ticket.number, responses=fitting, words=words
    )


@router.get("/tickets/{number}/canned/{response_id}")
async def show_rendered(context: State, caller: DeskAgent, number: str, response_id: UUID) -> Response:
    """A response with its variables filled in, for the script."""
    async with context.database.begin() as session:
        found = await rendered_for(session, caller, number, response_id)
    return Response(json.dumps({"body": found.body}), media_type="application/json")
