"""Tickets of the visitor's organisation, for whoever has proved their address and may see them."""

from fastapi import APIRouter, Request, Response

from services.intake.access.organisation_access import find_membership, list_shared_tickets, was_revoked_since
from services.intake.commands.participants import InvitedPerson, join_as_colleague
from services.intake.deps import State
from services.intake.web.forms import read_form
from services.intake.web.labels import status_text
from services.intake.web.link_deps import Token, VerifiedLink
from services.intake.web.route import PortalPageRoute
from services.intake.web.status_actions import back
from shared.contracts.base import TicketId
from shared.kit.clock import utc_now
from shared.kit.http.problems import Problem

router = APIRouter(route_class=PortalPageRoute, include_in_schema=False)


@router.get("/organisation")
async def show_organisation(request: Request, state: State) -> Response:
    """The newest tickets of the organisation; without a proof of an address, how to get one."""
    proof = state.email_verification.proved(request)
    async with state.database.begin() as session:
        if proof is not None and await was_revoked_since(session, proof):
            proof = None
        membership = await find_membership(session, proof.email) if proof else None
        may_read = membership is not None and membership.may_read_all
        tickets = await list_shared_tickets(session, membership.organisation) if membership and may_read else []
    rows = [
        (ticket, status_text(ticket), f"/t/{state.links.token(proof.link_to(TicketId(ticket.id)))}")
        for ticket in tickets
        if proof is not None
    ]
    return state.pages.render(
        request,
        "organisation.html",
        200 if may_read else 403,
        organisation=membership.organisation if membership and may_read else None,
        is_proved=proof is not None,
        rows=rows,
    )


@router.post("/t/{token}/follow")
async def follow(request: Request, token: Token, visit: VerifiedLink, state: State) -> Response:
    """Takes a colleague into the conversation; the requester is told. Raises Problem 403 for anybody else."""
    await read_form(request, state)
    if not visit.is_colleague:
        raise Problem(403, "not_a_colleague", "only colleagues of the person who opened the ticket can follow it")
    async with state.database.begin() as session:
        who = InvitedPerson(visit.link.email, visit.name)
        has_joined = await join_as_colleague(session, visit.ticket.id, who, utc_now())
    return back(token, "following" if has_joined else "not_followed")
