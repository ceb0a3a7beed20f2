"""What agents decide about people in copy: announced for intake to carry out, and shown here at once."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from fastapi import Response
from sqlalchemy import func, select
from starlette.status import HTTP_202_ACCEPTED

from services.assignment.app_state import AppState
from services.assignment.commands.execution.command_request import CommandRequest, check_revision, opened
from services.assignment.models import Participant, Ticket
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.ticket_page.tickets import get_ticket
from services.assignment.schemas.participants import ParticipantInput, participant_view
from shared.contracts.base import TicketId
from shared.contracts.events import ParticipantDecided
from shared.contracts.vocabulary import Channel, ParticipantDecision, ParticipantState, Permission
from shared.domain.errors import TicketArchivedError
from shared.kit import outbox
from shared.kit.addresses import address_key
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Session
from shared.kit.http.idempotency import fingerprint
from shared.kit.http.problems import Problem, invalid, not_found
from shared.kit.tombstones import lock_against_erasure

NEEDED = Permission.TICKET_EDIT
MOST = 20
"""People in copy of one ticket who were asked; those who were removed do not count."""
MOST_ROWS = 10 * MOST
"""Of one ticket, those who were removed included."""
ASKED = tuple(state.value for state in (ParticipantState.INVITED, ParticipantState.JOINED, ParticipantState.DECLINED))
OPEN_TO_ASK = (ParticipantState.PROPOSED.value, ParticipantState.REMOVED.value)


@dataclass(frozen=True, slots=True)
class Deciding:
    """A ticket, locked, whose people in copy an agent decides about."""

    session: Session
    caller: Caller
    ticket: Ticket
    at: datetime

    async def find(self, email: str) -> Participant | None:
        """Somebody in copy, those who were removed included."""
        if not email.isprintable():
            return None
        return await self.session.get(Participant, (self.ticket.id, address_key(email)))

    def after(self, person: Participant) -> datetime:
        """An instant later than what was decided so far, whatever this process's clock says: intake goes by it."""
        known: datetime | None = person.changed_at
        return self.at if known is None else max(self.at, known + timedelta(microseconds=1))

    async def announce(self, person: Participant, decision: ParticipantDecision) -> None:
        """Has intake carry it out. `version` stays: whatever intake announces next is newer than this."""
        decided = ParticipantDecided(
            ticket_id=TicketId(self.ticket.id),
            email=person.email,
            name=person.name,
            decision=decision,
            agent=self.caller.author,
            decided_at=person.changed_at,
        )
        await outbox.add(self.session, decided, f"participant-decided:{new_id()}", self.at)


async def add_participant(context: AppState, call: CommandRequest, body: ParticipantInput) -> Response:
    """Invites somebody, or confirms who was proposed; whoever was asked already is left alone.

    Raises Problem 403, 404, 409 and 422, TicketArchivedError, VersionConflict.
    """
    async with opened(context, call) as guarded:
        if guarded.stored is not None:
            return guarded.stored
        deciding = await _begin(guarded.session, call.caller, call.reference, call.expected_revision)
        _check_open(deciding.ticket)
        if address_key(body.email) == address_key(deciding.ticket.requester_email):
            raise invalid("/email", "this is the requester's own address")
        person = await deciding.find(body.email) or _newcomer(deciding, body)
        await _invite(deciding, person, body.name)
        answer = participant_view(person).model_dump_json().encode()
        await guarded.store(answer, HTTP_202_ACCEPTED)
    return Response(answer, HTTP_202_ACCEPTED, media_type="application/json")


async def confirm_participant(context: AppState, call: CommandRequest, email: str) -> Response:
    """Invites somebody who was proposed. Raises Problem 403, 404 and 409, TicketArchivedError, VersionConflict."""
    call = replace(call, request_hash=fingerprint(call.request_hash, address_key(email)))
    async with opened(context, call) as guarded:
        if guarded.stored is not None:
            return guarded.stored
        deciding = await _begin(guarded.session, call.caller, call.reference, call.expected_revision)
        person = await deciding.find(email)
        if person is None or person.state == ParticipantState.REMOVED.value:
            raise not_found("participant")
        _check_open(deciding.ticket)
        await _invite(deciding, person)
        answer = participant_view(person).model_dump_json().encode()
        await guarded.store(answer, HTTP_202_ACCEPTED)
    return Response(answer, HTTP_202_ACCEPTED, media_type="application/json")


async def remove_participant(context: AppState, caller: Caller, reference: str, email: str) -> None:
    """Takes somebody out of a ticket, archived or not; once more does nothing. Raises Problem 403 and 404."""
    async with context.database.begin() as session:
        deciding = await _begin(session, caller, reference)
        person = await deciding.find(email)
        if person is None:
            raise not_found("participant")
        if person.state != ParticipantState.REMOVED.value:
            person.state, person.changed_at, person.joined_at = (
                ParticipantState.REMOVED.value,
                deciding.after(person),
                None,
            )
            await deciding.announce(person, ParticipantDecision.REMOVE)


async def _begin(session: Session, caller: Caller, reference: str, revision: int | None = None) -> Deciding:
    """Locks the ticket, so that two agents cannot fill it beyond the limit and an erasure comes before or after."""
    await lock_against_erasure(session, is_erasing=False)
    found = await get_ticket(session, caller, reference)
    found.require(NEEDED)
    await session.refresh(found.ticket, with_for_update=True)
    check_revision(found.ticket, revision)
    return Deciding(session, caller, found.ticket, utc_now())


def _check_open(ticket: Ticket) -> None:
    if ticket.is_archived or ticket.erased_at is not None:
        raise TicketArchivedError("the ticket is archived; nobody can be added to it")


def _newcomer(deciding: Deciding, body: ParticipantInput) -> Participant:
    email = address_key(body.email)
    return Participant(
        ticket_id=deciding.ticket.id,
        email=email,
        name=body.name or email.partition("@")[0],
        state=ParticipantState.REMOVED.value,
        version=0,
    )


async def _invite(deciding: Deciding, person: Participant, name: str | None = None) -> None:
    """Whoever was proposed stays named by who proposed them; everybody else is named by the agent."""
    if person.state == ParticipantState.DECLINED.value:
        raise Problem(
            409, "participant_declined", "they do not want to take part; only the link in their own mail undoes that"
        )
    if person.state not in OPEN_TO_ASK:
        return
    await _check_room(deciding, person)
    if person.state == ParticipantState.REMOVED.value:
        person.name = name or person.name
        person.channel, person.added_by, person.added_at = Channel.DESK.value, deciding.caller.name, deciding.at
    person.state, person.changed_at = ParticipantState.INVITED.value, deciding.after(person)
    deciding.session.add(person)
    await deciding.session.flush()
    await deciding.announce(person, ParticipantDecision.INVITE)


async def _check_room(deciding: Deciding, person: Participant) -> None:
    counts = select(func.count().filter(Participant.state.in_(ASKED)), func.count()).where(
        Participant.ticket_id == deciding.ticket.id
    )
    with deciding.session.no_autoflush:
        asked, rows = (await deciding.session.execute(counts)).one()
    if asked >= MOST or (rows >= MOST_ROWS and person.version == 0):
        raise Problem(409, "too_many_participants", f"a ticket has at most {MOST} people in copy; remove somebody")
