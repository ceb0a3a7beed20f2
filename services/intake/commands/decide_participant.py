"""What an agent decided about somebody in copy, carried out."""

from uuid import UUID

from services.intake.abuse.invitations import InvitationLimits
from services.intake.commands.participant_decisions import is_newest_decision
from services.intake.commands.participants import InvitedPerson, ParticipantOrigin, invite_participants
from services.intake.commands.revoke_links import remove_participant
from services.intake.models import Ticket
from shared.contracts.events import ParticipantDecided
from shared.contracts.vocabulary import Channel, ParticipantDecision
from shared.kit.db import Session
from shared.kit.telemetry import log


async def decide_participant(session: Session, limits: InvitationLimits, decided: ParticipantDecided) -> UUID:
    """Invites or removes; returns the ticket, whose readers have to be checked again.

    Doing it twice does nothing, nor does doing it after a newer decision.
    """
    ticket = await session.get(Ticket, decided.ticket_id)
    if ticket is None or ticket.erased_at is not None:
        log.info("participant.no_ticket", ticket_id=str(decided.ticket_id))
    elif not await is_newest_decision(session, ticket.id, decided.email, decided.decided_at):
        log.info("participant.decided_anew", ticket_id=str(decided.ticket_id))
    elif decided.decision is ParticipantDecision.REMOVE:
        await remove_participant(session, ticket.id, decided.email, decided.decided_at)
    elif decided.email.casefold() != ticket.requester_email.casefold():
        origin = ParticipantOrigin(Channel.DESK, decided.decided_at, added_by=decided.agent.name, is_deliberate=True)
        await invite_participants(session, ticket.id, [InvitedPerson(decided.email, decided.name)], origin, limits)
    return decided.ticket_id
