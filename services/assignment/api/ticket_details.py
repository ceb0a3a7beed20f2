"""Routes of followers, presence, links, and edits of a ticket's details."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Response
from starlette.status import HTTP_201_CREATED, HTTP_204_NO_CONTENT

from services.assignment.commands.conversation.followers import follow, unfollow
from services.assignment.commands.conversation.presence import get_presence, tell_presence
from services.assignment.commands.people.agent_settings import change_settings, find_settings
from services.assignment.commands.tickets.links import link_tickets, unlink_tickets
from services.assignment.commands.tickets.opened_tickets import open_ticket
from services.assignment.commands.tickets.ticket_details import edit_ticket
from services.assignment.deps import Allowed, KeyedCall, SignedIn, SignedInPerson, State, TicketCall, TicketReference
from services.assignment.queries.ticket_page.followers import list_followers
from services.assignment.queries.ticket_page.links import list_links
from services.assignment.queries.ticket_page.tickets import get_ticket
from services.assignment.schemas.composing import (
    FollowerInput,
    FollowerView,
    LinkInput,
    LinkView,
    PresenceInput,
    PresenceView,
)
from services.assignment.schemas.editing import (
    AgentSettingsInput,
    AgentSettingsView,
    NewTicketInput,
    OpenedTicketView,
    TicketPatch,
)
from services.assignment.schemas.tickets import TicketView
from shared.contracts.vocabulary import Permission
from shared.kit.http.etags import etag_of, revision_of
from shared.kit.http.paging import Page
from shared.kit.http.routers import HttpRouter
from shared.kit.http.strict_json import StrictJsonRoute

router = HttpRouter(tags=["tickets"], route_class=StrictJsonRoute)
IfMatch = Annotated[str | None, Header(max_length=64, description="The ETag you saw; stale is refused")]


@router.post(
    "/tickets",
    status_code=HTTP_201_CREATED,
    response_model=OpenedTicketView,
    summary="Open a ticket for a requester",
    dependencies=[Depends(Allowed(Permission.TICKET_CREATE))],
)
async def post_ticket(context: State, call: KeyedCall, body: NewTicketInput) -> Response:
    """For somebody who called or came. The same forms and checks as in the support centre."""
    return await open_ticket(context, call, body)


@router.patch("/tickets/{ticket}", summary="Correct subject, topic, answers or requester")
async def patch_ticket(
    response: Response,
    context: State,
    caller: SignedIn,
    ticket: TicketReference,
    body: TicketPatch,
    if_match: IfMatch = None,
) -> TicketView:
    """What is left out stays. The timeline says who changed what, and the support centre shows it too."""
    view = await edit_ticket(context, caller, ticket, body, revision_of(if_match))
    response.headers["ETag"] = etag_of(view.revision)
    return view


@router.get("/tickets/{ticket}/followers", summary="Who follows the ticket")
async def get_followers(context: State, caller: SignedIn, ticket: TicketReference) -> Page[FollowerView]:
    """Agents who asked to hear of it, and those whom notes have named."""
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, ticket)
        return Page(items=await list_followers(session, found.ticket.id))


@router.post("/tickets/{ticket}/followers", status_code=HTTP_201_CREATED, summary="Follow, or have a colleague follow")
async def post_follower(context: State, call: TicketCall, body: FollowerInput) -> FollowerView:
    """Yourself if nobody is named; a colleague needs `ticket.note`. Doing it again changes nothing."""
    return await follow(context, call, body.agent_id)


@router.delete(
    "/tickets/{ticket}/followers/{agent_id}", status_code=HTTP_204_NO_CONTENT, summary="End a colleague's following"
)
async def delete_follower(context: State, caller: SignedIn, ticket: TicketReference, agent_id: UUID) -> None:
    """Your own needs nothing but to see the ticket."""
    await unfollow(context, caller, ticket, agent_id)


@router.get("/tickets/{ticket}/presence", summary="Who has the ticket open")
async def get_present(context: State, caller: SignedIn, ticket: TicketReference) -> PresenceView:
    """Those whose page told of itself in the last forty seconds, whichever replica it asked."""
    return await get_presence(context, caller, ticket)


@router.post("/tickets/{ticket}/presence", summary="Tell that you look or write")
async def post_presence(context: State, call: TicketCall, body: PresenceInput) -> PresenceView:
    """Tell it every fifteen seconds for as long as it is so. Answers who else is there."""
    return await tell_presence(context, call.caller, call.reference, body)


@router.get("/tickets/{ticket}/links", summary="Tickets that belong to this one")
async def get_links(context: State, caller: SignedIn, ticket: TicketReference) -> Page[LinkView]:
    """Those you may see, from whichever side they were linked."""
    async with context.database.begin() as session:
        found = await get_ticket(session, caller, ticket)
        return Page(items=await list_links(session, caller, found.ticket.id))


@router.post("/tickets/{ticket}/links", status_code=HTTP_201_CREATED, summary="Link another ticket")
async def post_link(context: State, call: TicketCall, body: LinkInput) -> Page[LinkView]:
    """Linked anew, the kind is replaced. Answers all links."""
    return Page(items=await link_tickets(context, call.caller, call.reference, body))


@router.delete("/tickets/{ticket}/links/{other_id}", status_code=HTTP_204_NO_CONTENT, summary="Remove a link")
async def delete_link(context: State, caller: SignedIn, ticket: TicketReference, other_id: UUID) -> None:
    """From whichever side."""
    await unlink_tickets(context, caller, ticket, other_id)


@router.get("/me/settings", summary="The desk as you have set it up")
async def get_own_settings(context: State, caller: SignedInPerson) -> AgentSettingsView:
    """Null is as the installation has it."""
    return await find_settings(context, caller.agent_id)


@router.patch("/me/settings", summary="Set up the desk")
async def patch_own_settings(context: State, caller: SignedInPerson, body: AgentSettingsInput) -> AgentSettingsView:
    """Time zone, density, seconds to undo a reply, and keys that differ from the usual ones."""
    return await change_settings(context, caller, body)
