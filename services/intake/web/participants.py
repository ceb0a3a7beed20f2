"""People in copy, on a ticket's page: who they are, who named them, and the requester's two buttons."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from services.intake.abuse.admission_control import EntryPoint
from services.intake.abuse.invitations import Inviter
from services.intake.access.link_access import LinkAccess
from services.intake.app_state import AppState
from services.intake.commands.participants import (
    InvitedPerson,
    ParticipantOrigin,
    find_participant,
    invite_participants,
)
from services.intake.commands.revoke_links import remove_participant
from services.intake.deps import State
from services.intake.models import Participant
from services.intake.web.forms import FormNotValid, check, read_form
from services.intake.web.link_deps import Token, VerifiedLink
from services.intake.web.route import PortalPageRoute
from services.intake.web.status_actions import back, only_requester
from shared.contracts.vocabulary import Channel, ParticipantState
from shared.kit.clock import utc_now
from shared.kit.http.client_address import address_of
from shared.kit.http.inputs import Email
from shared.kit.http.problems import Problem
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _

router = APIRouter(prefix="/t", route_class=PortalPageRoute, include_in_schema=False)


@dataclass(frozen=True, slots=True)
class ListedParticipant:
    """Somebody in copy, in the words of the page."""

    email: str
    name: str
    state: ParticipantState
    label: str
    tone: str
    since: datetime
    origin: str
    """How they were named."""

    @classmethod
    def of(cls, participant: Participant) -> "ListedParticipant":
        """The words for a row."""
        label, tone = LABELS[participant.state]
        return cls(
            participant.email,
            participant.name,
            participant.state,
            gettext(label),
            tone,
            participant.joined_at or participant.invited_at,
            origin_of(participant.channel, participant.added_by, participant.email),
        )


LABELS = {
    ParticipantState.PROPOSED: (_("Waiting for you"), "warn"),
    ParticipantState.INVITED: (_("Invited"), "info"),
    ParticipantState.JOINED: (_("Takes part"), "ok"),
    ParticipantState.DECLINED: (_("Does not take part"), "neutral"),
    ParticipantState.REMOVED: (_("Removed"), "neutral"),
}


class ChosenParticipant(BaseModel):
    """Whom a button is about."""

    email: Annotated[str, Field(max_length=254)]


class Added(BaseModel):
    """Whom the requester wants in copy."""

    email: Email


@router.post("/{token}/participants")
async def add(request: Request, token: Token, visit: VerifiedLink, state: State) -> Response:
    """Invites somebody. Raises Problem 429 beyond the limits."""
    only_requester(visit)
    sent = await read_form(request, state)
    try:
        added = check(Added, sent)
    except FormNotValid as wrong:
        raise Problem(422, "invalid_input", wrong.errors["email"]) from None
    return await _invite(request, state, visit, token, added.email)


@router.post("/{token}/participants/confirm")
async def confirm(request: Request, token: Token, visit: VerifiedLink, state: State) -> Response:
    """Invites who was proposed. Raises Problem 404 for others, 429 beyond the limits."""
    only_requester(visit)
    chosen = check(ChosenParticipant, await read_form(request, state))
    async with state.database.begin() as session:
        found = await find_participant(session, visit.ticket.id, chosen.email)
    if found is None or found.state is not ParticipantState.PROPOSED:
        raise Problem(404, "not_proposed", "this person is not proposed any more; look at the ticket again")
    return await _invite(request, state, visit, token, found.email)


@router.post("/{token}/participants/remove")
async def remove(request: Request, token: Token, visit: VerifiedLink, state: State) -> Response:
    """Takes somebody in copy out: their links, open pages and mails end now."""
    only_requester(visit)
    chosen = check(ChosenParticipant, await read_form(request, state))
    async with state.database.begin() as session:
        await remove_participant(session, visit.ticket.id, chosen.email, utc_now())
    await state.event_streams.recheck_access(visit.ticket.id)
    return back(token, "removed")


async def _invite(request: Request, state: AppState, visit: LinkAccess, token: str, email: str) -> Response:
    """Asks them, unless they said no before: whoever declined comes back by the link in their own mail only."""
    address = address_of(request, state.settings.trusted_proxies)
    await state.admission.refuse_banned(EntryPoint.PEOPLE, visit.link.email, address)
    if email.casefold() == visit.link.email:
        raise Problem(422, "the_requester", "this is your own address")
    inviter = Inviter(visit.ticket.requester_email, address)
    origin = ParticipantOrigin(Channel.PORTAL, utc_now(), visit.link.email, inviter, is_deliberate=True)
    async with state.database.begin() as session:
        await invite_participants(session, visit.ticket.id, [InvitedPerson(email)], origin, state.invitations)
        found = await find_participant(session, visit.ticket.id, email)
    if found is None or found.state is ParticipantState.PROPOSED:
        raise Problem(429, "too_many_invitations", "too many people were invited; try again tomorrow")
    if found.state is ParticipantState.DECLINED:
        return back(token, "declined")
    return back(token, "invited")


def origin_of(channel: Channel | None, added_by: str, email: str = "") -> str:
    """Who named somebody, in words."""
    match channel:
        case Channel.EMAIL:
            return gettext("in copy of a mail from %(name)s", name=added_by)
        case Channel.DESK:
            return gettext("added by %(name)s", name=added_by)
        case Channel.PORTAL:
            if added_by == email:
                return gettext("follows the ticket of a colleague")
            return gettext("added on this page")
        case Channel.API:
            return gettext("named when the ticket was opened")
    return gettext("in copy")
