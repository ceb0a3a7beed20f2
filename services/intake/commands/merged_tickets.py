"""Projects merges of tickets: messages for a merged ticket go to the other, whose participants its requester joins."""

from dataclasses import replace

from services.intake.commands.new_message import NewMessage
from services.intake.commands.participant_decisions import is_newest_decision
from services.intake.commands.participants import InvitedPerson, ParticipantOrigin, join_participant
from services.intake.commands.revoke_links import remove_participant
from services.intake.models import Participant, Ticket
from shared.contracts.base import TicketId
from shared.contracts.events import TicketAbsorbed, TicketDetached
from shared.contracts.vocabulary import Channel
from shared.kit.addresses import address_key
from shared.kit.db import Session
from shared.kit.telemetry import log

MOST_STEPS = 50
"""Merges followed from one ticket to the next."""


async def target_of(session: Session, ticket: Ticket) -> Ticket:
    """The ticket that one is part of in the end; itself if it is part of none, or of one we do not know."""
    target = ticket
    for _ in range(MOST_STEPS):
        if target.merged_into is None:
            return target
        found = await session.get(Ticket, target.merged_into)
        if found is None or found.erased_at is not None:
            return target
        target = found
    return target


async def redirected(session: Session, ticket: Ticket, post: NewMessage) -> tuple[Ticket, NewMessage]:
    """The ticket a message is written to, and the message as it is written there, with its author named."""
    target = await target_of(session, ticket)
    if target is ticket:
        return ticket, post
    name, email = post.author_name or ticket.requester_name, post.author_email or ticket.requester_email
    if address_key(email) == address_key(target.requester_email):
        return target, replace(post, author_name=None, author_email=None)
    return target, replace(post, author_name=name, author_email=email)


async def join_requester(session: Session, absorbed: TicketAbsorbed) -> None:
    """The requester of a merged ticket takes part in the one it is part of, for an agent made the two one."""
    source, target = await _pair(session, absorbed.source_id, absorbed.ticket_id)
    if source is None or target is None:
        log.info("merge.no_ticket", ticket_id=str(absorbed.ticket_id))
        return
    if address_key(source.requester_email) == address_key(target.requester_email):
        return
    if not await is_newest_decision(session, target.id, source.requester_email, absorbed.at):
        return
    origin = ParticipantOrigin(Channel.DESK, absorbed.at, added_by=_added_by(source))
    await join_participant(session, target.id, InvitedPerson(source.requester_email, source.requester_name), origin)


async def part_requester(session: Session, detached: TicketDetached) -> None:
    """Undone: they take part no longer, unless they did for another reason."""
    source, target = await _pair(session, detached.source_id, detached.ticket_id)
    if source is None or target is None:
        return
    if not await is_newest_decision(session, target.id, source.requester_email, detached.at):
        return
    person = await session.get(Participant, (target.id, source.requester_email.casefold()))
    if person is not None and person.added_by == _added_by(source):
        await remove_participant(session, target.id, person.email, detached.at)


async def _pair(session: Session, source_id: TicketId, target_id: TicketId) -> tuple[Ticket | None, Ticket | None]:
    source, target = await session.get(Ticket, source_id), await session.get(Ticket, target_id)
    known = [one if one is not None and one.erased_at is None else None for one in (source, target)]
    return known[0], known[1]


def _added_by(source: Ticket) -> str:
    """How the people in copy are told why somebody is among them."""
    return f"#{source.number}"
