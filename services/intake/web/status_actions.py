"""What a requester can do to a ticket besides writing: close it, reopen it, make its earlier links useless."""

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from services.intake.access.link_access import LinkAccess
from services.intake.commands.change_status import change_status
from services.intake.commands.revoke_links import revoke_links
from services.intake.deps import State
from services.intake.models import Ticket
from services.intake.web.forms import ClosingForm, Values, check, form_id_of, read_form
from services.intake.web.link_deps import Token, VerifiedLink
from services.intake.web.route import PortalPageRoute
from shared.contracts.base import TicketId
from shared.contracts.commands import CloseTicket, ReopenTicket
from shared.contracts.tickets import Actor
from shared.contracts.vocabulary import ActorKind
from shared.kit.clock import utc_now
from shared.kit.http.problems import Problem
from shared.kit.tickets import command_id

REQUESTER = Actor(kind=ActorKind.REQUESTER)
router = APIRouter(route_class=PortalPageRoute, include_in_schema=False)


def back(token: str, done: str) -> Response:
    """To the thread, which says what was done."""
    return RedirectResponse(f"/t/{token}?done={done}", 303)


@router.get("/t/{token}/close")
async def ask_to_close(request: Request, token: Token, visit: VerifiedLink, state: State) -> Response:
    """Asks before closing."""
    only_requester(visit)
    return state.pages.render(
        request, "close.html", ticket=visit.ticket, token=token, form_id=form_id_of({}), page_class="narrow"
    )


@router.post("/t/{token}/close")
async def close(request: Request, token: Token, visit: VerifiedLink, state: State) -> Response:
    """Closes the request, if it can be closed; reopening undoes it."""
    values = await read_form(request, state)
    only_requester(visit)
    form = check(ClosingForm, values)
    command = CloseTicket(command_id=_command_id("close", visit.ticket, values), actor=REQUESTER, reason=form.reason)
    await change_status(state.database, state.tickets, visit.ticket.id, command)
    return back(token, "closed")


@router.post("/t/{token}/reopen")
async def reopen(request: Request, token: Token, visit: VerifiedLink, state: State) -> Response:
    """Takes the request up again."""
    values = await read_form(request, state)
    only_requester(visit)
    command = ReopenTicket(command_id=_command_id("reopen", visit.ticket, values), actor=REQUESTER)
    await change_status(state.database, state.tickets, visit.ticket.id, command)
    return back(token, "reopened")


@router.get("/t/{token}/revoke")
async def ask_to_revoke(request: Request, token: Token, visit: VerifiedLink, state: State) -> Response:
    """Asks before making the earlier links useless."""
    only_requester(visit)
    return state.pages.render(request, "revoke.html", ticket=visit.ticket, token=token, page_class="narrow")


@router.post("/t/{token}/revoke")
async def revoke(request: Request, visit: VerifiedLink, state: State) -> Response:
    """Makes every link so far useless, this one too, and has a new one mailed: only its owner reads that."""
    await read_form(request, state)
    only_requester(visit)
    async with state.database.begin() as session:
        await revoke_links(session, visit.ticket, utc_now())
    await state.event_streams.recheck_access(visit.ticket.id)
    return RedirectResponse("/tickets/links-revoked", 303)


@router.get("/tickets/links-revoked")
async def links_revoked(request: Request, state: State) -> Response:
    """Says where the new link is; the old one leads nowhere by now."""
    return state.pages.render(request, "links_revoked.html", page_class="narrow")


def only_requester(visit: LinkAccess) -> None:
    """Raises Problem 403 for anybody else on the ticket's page."""
    if not visit.is_requester:
        raise Problem(403, "not_the_requester", "only the person who opened the ticket can do that")


def _command_id(route: str, ticket: Ticket, values: Values) -> str:
    return command_id("portal", route, TicketId(ticket.id), form_id_of(values))
