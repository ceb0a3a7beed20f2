"""Routes of canned responses: use by agents, and administration."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response
from starlette.status import HTTP_201_CREATED, HTTP_204_NO_CONTENT

from services.assignment.commands.configuration.administration import create
from services.assignment.commands.configuration.canned_responses import (
    change_canned_response,
    create_canned_response,
    delete_canned_response,
)
from services.assignment.deps import CannedAdmin, KeyedCall, SignedIn, State
from services.assignment.queries.administration.canned_responses import rendered_for, responses_for, responses_of
from services.assignment.queries.ticket_page.tickets import get_ticket
from services.assignment.schemas.canned_responses import (
    CannedResponseInput,
    CannedResponsePatch,
    CannedResponseView,
    RenderedResponseView,
)
from shared.kit.http.paging import Page
from shared.kit.http.problems import not_found
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(prefix="/canned-responses", tags=["canned responses"], route_class=StrictJsonRoute)

OfTicket = Annotated[str, Query(max_length=64, description="A ticket's id or number")]


@router.get("", summary="List canned responses")
async def get_canned_responses(
    context: State,
    caller: SignedIn,
    ticket: OfTicket = "",
    q: Annotated[str, Query(max_length=255, description="Words of the title")] = "",
) -> Page[CannedResponseView]:
    """Those you may use, by title; with `ticket`, those that fit it."""
    words = q.strip() if q.isprintable() else ""
    async with context.database.begin() as session:
        if ticket:
            found = (await get_ticket(session, caller, ticket)).ticket
            return Page(items=await responses_for(session, caller, found, words))
        every = await responses_of(session, caller)
    return Page(items=[one for one in every if words.casefold() in one.title.casefold()])


@router.post("", response_model=CannedResponseView, status_code=HTTP_201_CREATED, summary="Add a canned response")
async def post_canned_response(context: State, _: CannedAdmin, call: KeyedCall, body: CannedResponseInput) -> Response:
    """Agents may begin a reply with it from now on."""
    return await create(context, call, lambda session: create_canned_response(context, session, body))


@router.get("/{response_id}", summary="One canned response")
async def get_canned_response(context: State, caller: SignedIn, response_id: UUID) -> CannedResponseView:
    """A canned response with its variables as they were written."""
    async with context.database.begin() as session:
        every = await responses_of(session, caller)
    found = next((one for one in every if one.id == response_id), None)
    if found is None:
        raise not_found("canned response")
    return found


@router.get("/{response_id}/rendered", summary="A canned response for a ticket")
async def get_rendered_response(
    context: State, caller: SignedIn, response_id: UUID, ticket: OfTicket
) -> RenderedResponseView:
    """With the variables filled in, to begin a reply with."""
    async with context.database.begin() as session:
        found = await rendered_for(session, caller, ticket, response_id)
    return RenderedResponseView(id=found.id, title=found.title, body=found.body)


@router.patch("/{response_id}", summary="Change a canned response")
async def patch_canned_response(
    context: State, caller: CannedAdmin, response_id: UUID, body: CannedResponsePatch
) -> CannedResponseView:
    """Replies that were sent stay as they are."""
    return await change_canned_response(context, caller, response_id, body)


@router.delete("/{response_id}", status_code=HTTP_204_NO_CONTENT, summary="Remove a canned response")
async def remove_canned_response(context: State, caller: CannedAdmin, response_id: UUID) -> None:
    """For good; the audit log keeps what it said."""
    await delete_canned_response(context, caller, response_id)
