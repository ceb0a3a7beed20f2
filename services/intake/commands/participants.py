"""People in copy of a ticket: named by somebody, asked by mail, part of the conversation only if they want to be."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from services.intake.abuse.invitations import InvitationLimits, Inviter
from services.intake.models import Participant
from shared.contracts.base import TicketId
from shared.contracts.events import ParticipantChanged
from shared.contracts.vocabulary import Channel, ParticipantState
from shared.kit import outbox
from shared.kit.clock import derived_id
from shared.kit.db import Session

MAX_PARTICIPANTS = 20
"""Participants of one ticket, those who declined included; as many again may be proposed."""
MOST_ROWS = 10 * MAX_PARTICIPANTS
"""Of one ticket, those who were removed included."""
ASKED = frozenset((ParticipantState.INVITED, ParticipantState.JOINED, ParticipantState.DECLINED))


@dataclass(frozen=True, slots=True)
class InvitedPerson:
    """Somebody who may take part."""

    email: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class ParticipantOrigin:
    """How people in copy were named, and who answers for that."""

    channel: Channel
    at: datetime
    added_by: str = ""
    """The address of a mail's sender, or the name of an agent."""
    inviter: Inviter | None = None
    """Whose invitations are counted; None for agents, who are trusted."""
    is_deliberate: bool = False
    """Whether a person chose this guest on a page: then who was removed may be asked again."""

    @property
    def revives(self) -> frozenset[ParticipantState]:
        """The states from which somebody is asked once more."""
        removed = (ParticipantState.REMOVED,) if self.is_deliberate else ()
        return frozenset((ParticipantState.PROPOSED, *removed))


async def propose_participants(
    session: Session, ticket_id: UUID, guests: Iterable[InvitedPerson], origin: ParticipantOrigin
) -> None:
    """Notes people whom nobody proved to want here. They are not mailed and read nothing until confirmed."""
    known = await _known(session, ticket_id)
    for email, guest in _by_email(guests).items():
        if email not in known and _has_room(known.values(), ParticipantState.PROPOSED):
            known[email] = await _add(session, ticket_id, guest, ParticipantState.PROPOSED, origin)


async def invite_participants(
    session: Session,
    ticket_id: UUID,
    guests: Iterable[InvitedPerson],
    origin: ParticipantOrigin,
    limits: InvitationLimits,
) -> None:
    """Asks whoever was not asked before about this ticket; beyond the limits they are only proposed."""
    known = await _known(session, ticket_id)
    for email, guest in sorted(_by_email(guests).items()):
        before = known.get(email)
        if before is not None and before.state not in origin.revives:
            continue
        if not _has_room(known.values(), ParticipantState.INVITED) and origin.inviter is not None:
            continue
        is_within = origin.inviter is None or await limits.take(session, origin.inviter, email, origin.at)
        state = ParticipantState.INVITED if is_within else ParticipantState.PROPOSED
        if before is None:
            known[email] = await _add(session, ticket_id, guest, state, origin)
        elif before.state is not state:
            await _ask_again(session, before, guest, state, origin)


async def join_participant(session: Session, ticket_id: UUID, guest: InvitedPerson, origin: ParticipantOrigin) -> None:
    """Makes somebody take part at once, because an agent decided so; whoever declined or takes part is left alone."""
    known = await _known(session, ticket_id)
    before = known.get(guest.email.casefold())
    if before is not None and before.state in (ParticipantState.JOINED, ParticipantState.DECLINED):
        return
    if before is None:
        if len(known) >= MOST_ROWS:
            return
        person = InvitedPerson(guest.email.casefold(), guest.name)
        before = await _add(session, ticket_id, person, ParticipantState.PROPOSED, origin)
    before.joined_at = origin.at
    await _ask_again(session, before, guest, ParticipantState.JOINED, origin)


async def join_as_colleague(session: Session, ticket_id: UUID, guest: InvitedPerson, at: datetime) -> bool:
    """Lets somebody who may read the ticket take part in it; False if they were removed, or nobody else has room."""
    known = await _known(session, ticket_id)
    before = known.get(guest.email)
    if before is None:
        if not _has_room(known.values(), ParticipantState.INVITED):
            return False
        origin = ParticipantOrigin(Channel.PORTAL, at, added_by=guest.email)
        await _add(session, ticket_id, guest, ParticipantState.INVITED, origin, is_told=False)
    elif before.state is ParticipantState.REMOVED:
        return False
    elif before.state is ParticipantState.PROPOSED:
        before.state = ParticipantState.INVITED
        await session.flush()
    return await answer_invitation(session, ticket_id, guest.email, ParticipantState.JOINED, at)


async def answer_invitation(
    session: Session, ticket_id: UUID, email: str, state: ParticipantState, at: datetime
) -> bool:
    """Records what somebody who was asked says; False if nothing changed by it."""
    joined_at = func.coalesce(Participant.joined_at, at) if state is ParticipantState.JOINED else Participant.joined_at
    statement = (
        update(Participant)
        .where(
            Participant.ticket_id == ticket_id,
            Participant.email == email.casefold(),
            Participant.state.in_(ASKED - {state}),
        )
        .values(state=state, version=Participant.version + 1, changed_at=at, joined_at=joined_at)
        .returning(Participant)
        .execution_options(populate_existing=True)
    )
    changed = await session.scalar(statement)
    if changed is None:
        return False
    await _announce(session, changed)
    return True


async def remove_participants(session: Session, ticket_id: UUID, at: datetime, email: str | None = None) -> list[str]:
    """Takes one person, or everybody in copy, out of a ticket; returns the addresses of those it changed.

    From the commit on nothing that they hold opens the ticket: links are checked against this table, and a removed
    guest's links so far are revoked as well by `revoke_links_of`.
    """
    statement = (
        update(Participant)
        .where(Participant.ticket_id == ticket_id, Participant.state != ParticipantState.REMOVED)
        .values(state=ParticipantState.REMOVED, version=Participant.version + 1, changed_at=at, joined_at=None)
        .returning(Participant)
        .execution_options(populate_existing=True)
    )
    if email is not None:
        statement = statement.where(Participant.email == email.casefold())
    removed = list(await session.scalars(statement))
    for participant in removed:
        await _announce(session, participant)
    return [participant.email for participant in removed]


async def find_participant(session: Session, ticket_id: UUID, email: str) -> Participant | None:
    """Somebody in copy of the ticket, whatever they said."""
    return await session.get(Participant, (ticket_id, email.casefold()))


async def list_participants(
    session: Session, ticket_id: UUID, states: Collection[ParticipantState]
) -> list[Participant]:
    """The people in copy who are in one of these states, in the order in which they were named."""
    query = select(Participant).where(Participant.ticket_id == ticket_id, Participant.state.in_(states))
    return list(await session.scalars(query.order_by(Participant.invited_at, Participant.email)))


async def _known(session: Session, ticket_id: UUID) -> dict[str, Participant]:
    rows = await session.scalars(
        select(Participant)
        .where(Participant.ticket_id == ticket_id)
        .order_by(Participant.email)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {row.email: row for row in rows}


def _by_email(guests: Iterable[InvitedPerson]) -> dict[str, InvitedPerson]:
    found: dict[str, InvitedPerson] = {}
    for guest in guests:
        found.setdefault(guest.email.casefold(), replace(guest, email=guest.email.casefold()))
    return found


def _has_room(known: Collection[Participant], state: ParticipantState) -> bool:
    alike = ASKED if state in ASKED else {state}
    return len(known) < MOST_ROWS and sum(one.state in alike for one in known) < MAX_PARTICIPANTS


async def _add(
    session: Session,
    ticket_id: UUID,
    guest: InvitedPerson,
    state: ParticipantState,
    origin: ParticipantOrigin,
    *,
    is_told: bool = True,
) -> Participant:
    values = {
        "ticket_id": ticket_id,
        "email": guest.email,
        "name": guest.name or guest.email.partition("@")[0],
        "state": state,
        "version": 1,
        "invited_at": origin.at,
        "changed_at": origin.at,
        "channel": origin.channel,
        "added_by": origin.added_by,
    }
    is_new = await session.scalar(
        insert(Participant).values(values).on_conflict_do_nothing().returning(Participant.version)
    )
    added = await session.get_one(Participant, (ticket_id, guest.email), populate_existing=True)
    if is_new is not None and is_told:
        await _announce(session, added)
    return added


async def _ask_again(
    session: Session, participant: Participant, guest: InvitedPerson, state: ParticipantState, origin: ParticipantOrigin
) -> None:
    """Whoever was proposed stays named by who proposed them; whoever was removed is named anew."""
    if participant.state is ParticipantState.REMOVED:
        participant.channel, participant.added_by = origin.channel, origin.added_by
        participant.name = guest.name or participant.name
        participant.invited_at = origin.at
    participant.state, participant.changed_at = state, origin.at
    participant.version += 1
    await session.flush()
    await _announce(session, participant)


async def _announce(session: Session, participant: Participant) -> None:
    event = ParticipantChanged(
        ticket_id=TicketId(participant.ticket_id),
        email=participant.email,
        name=participant.name,
        state=participant.state,
        version=participant.version,
        changed_at=participant.changed_at,
        channel=participant.channel,
        added_by=participant.added_by,
        added_at=participant.invited_at,
        joined_at=participant.joined_at,
    )
    who = derived_id(participant.ticket_id, participant.email)
    event_id = f"{participant.ticket_id}:participant:{who}:{participant.version}"
    await outbox.add(session, event, event_id, participant.changed_at)
