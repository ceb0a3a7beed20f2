"""Whether somebody in copy takes part: they are asked here, and nobody else can answer for them."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel

from services.intake.access.link_access import LONG_AGO, link_not_valid
from services.intake.commands.participants import ASKED, answer_invitation, find_participant
from services.intake.deps import State
from services.intake.models import LinkRevocation, Participant, Ticket
from services.intake.web.forms import check, read_form
from services.intake.web.link_deps import Token
from services.intake.web.route import PortalPageRoute
from shared.contracts.vocabulary import ParticipantState
from shared.kit.auth import TicketLink
from shared.kit.clock import utc_now
from shared.kit.db import Session

STATES = {"join": ParticipantState.JOINED, "decline": ParticipantState.DECLINED}
router = APIRouter(prefix="/p", route_class=PortalPageRoute, include_in_schema=False)


class InvitationAnswer(BaseModel):
    """The button that was pressed."""

    answer: Literal["join", "decline"]


async def invited_by(token: Token, state: State) -> tuple[Ticket, Participant]:
    """The ticket and the person of the link. Raises Problem 404, the same for every link that is of no use."""
    link = state.links.read(token)
    async with state.database.begin() as session:
        participant = await find_participant(session, link.ticket_id, link.email) if link else None
        if link is None or participant is None or participant.state not in ASKED:
            raise link_not_valid()
        if await _is_revoked(session, link):
            raise link_not_valid()
        return await session.get_one(Ticket, participant.ticket_id), participant


Invited = Annotated[tuple[Ticket, Participant], Depends(invited_by)]


@router.get("/{token}")
async def ask(request: Request, token: Token, invited: Invited, state: State) -> Response:
    """The question. It shows no more of the ticket than the mail did."""
    ticket, participant = invited
    return state.pages.render(
        request, "invitation.html", ticket=ticket, participant=participant, token=token, page_class="narrow"
    )


@router.post("/{token}")
async def decide(request: Request, token: Token, invited: Invited, state: State) -> Response:
    """Records the answer; it can be changed on the same page."""
    ticket, participant = invited
    choice = check(InvitationAnswer, await read_form(request, state))
    async with state.database.begin() as session:
        await answer_invitation(session, ticket.id, participant.email, STATES[choice.answer], utc_now())
    return RedirectResponse(f"/t/{token}" if choice.answer == "join" else f"/p/{token}", 303)


async def _is_revoked(session: Session, link: TicketLink) -> bool:
    """Links that were revoked ask nothing either."""
    revocation = await session.get(LinkRevocation, (link.ticket_id, link.email))
    return revocation is not None and (link.signed_at or LONG_AGO) < revocation.made_before
