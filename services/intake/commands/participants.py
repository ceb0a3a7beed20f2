"""People in copy of a ticket: asked first, part of the conversation only if they want to be."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.intake.models import Participant
from shared.contracts.base import TicketId
from shared.contracts.events import ParticipantChanged
from shared.contracts.vocabulary import ParticipantState
from shared.kit import outbox
from shared.kit.clock import derived_id
from shared.kit.db import Session

MOST = 20
"""Participants of one ticket, those who declined included."""


@dataclass(frozen=True, slots=True)
class Guest:
    """Somebody who may take part."""

    email: str
    name: str = ""


async def invite(session: Session | AsyncConnection, ticket_id: UUID, guests: Iterable[Guest], at: datetime) -> None:
    """Asks whoever was not asked before about this ticket, as long as there is room."""
    guests = list(guests)
    known = set(await _emails(session, ticket_id)) if guests else set()
    for guest in guests:
        email = guest.email.casefold()
        if email in known or len(known) >= MOST:
            continue
        known.add(email)
        name = guest.name or email.partition("@")[0]
        values = {
            "ticket_id": ticket_id,
            "email": email,
            "name": name,
            "state": ParticipantState.INVITED,
            "version": 1,
            "invited_at": at,
            "changed_at": at,
        }
        statement = insert(Participant).values(values).on_conflict_do_nothing().returning(Participant.version)
        if (await session.execute(statement)).scalar() is not None:
            await _announce(session, ticket_id, email, name, ParticipantState.INVITED, 1, at)


async def answer(session: Session, ticket_id: UUID, email: str, state: ParticipantState, at: datetime) -> bool:
    """Records what somebody who was asked says, or that they leave; False if nothing changed by it."""
    statement = (
        update(Participant)
        .where(
            Participant.ticket_id == ticket_id,
            Participant.email == email.casefold(),
            Participant.state.not_in([state, ParticipantState.REMOVED]),
        )
        .values(state=state, version=Participant.version + 1, changed_at=at)
        .returning(Participant.name, Participant.version)
    )
    row = (await session.execute(statement)).one_or_none()
    if row is None:
        return False
    await _announce(session, ticket_id, email.casefold(), row.name, state, row.version, at)
    return True


async def find_participant(session: Session, ticket_id: UUID, email: str) -> Participant | None:
    """Somebody in copy of the ticket, whatever they said."""
    return await session.get(Participant, (ticket_id, email.casefold()))


async def _emails(session: Session | AsyncConnection, ticket_id: UUID) -> list[str]:
    found = await session.execute(select(Participant.email).where(Participant.ticket_id == ticket_id))
    return list(found.scalars())


async def _announce(
    session: Session | AsyncConnection,
    ticket_id: UUID,
    email: str,
    name: str,
    state: ParticipantState,
    version: int,
    at: datetime,
) -> None:
    event = ParticipantChanged(
        ticket_id=TicketId(ticket_id), email=email, name=name, state=state, version=version, changed_at=at
    )
    who = derived_id(ticket_id, email)
    await outbox.add(session, event, f"{ticket_id}:participant:{who}:{version}", at)
