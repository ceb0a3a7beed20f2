"""Looks up what a decision about a mail rests on: which tickets it names, and what its sender is to them."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

from sqlalchemy import func, select

from services.intake.abuse.bans import BanList
from services.intake.abuse.daily_counts import DailyCounts
from services.intake.commands.participants import find_participant
from services.intake.mail.own_addresses import OwnAddresses
from services.intake.mail.parsing.auto_reply_detection import is_robot
from services.intake.mail.parsing.inbound_message import NO_SUBJECT
from services.intake.mail.parsing.parser import ReadMail
from services.intake.mail.parsing.thread_references import plain_subject
from services.intake.mail.routing.bounces import BounceProofs, announce_bounces
from services.intake.mail.routing.decision import NamedTicket, RoutingFacts, SenderStanding
from services.intake.mail.routing.side_answers import find_side_answer
from services.intake.mail.routing.staff import StaffMail
from services.intake.mail.settings import MailSettings
from services.intake.models import MailAncestor, MailId, RawMail, Ticket
from services.intake.queries.people import addresses_of_person, belongs_to
from shared.contracts.vocabulary import Channel, ParticipantState, Status
from shared.kit.addresses import address_key, mailbox_key
from shared.kit.auth import MailAudience, MailReference, MailThreads
from shared.kit.db import Session
from shared.kit.return_paths import ReturnPaths

MAX_RELATED = 20
ANSWERS_WITHIN = timedelta(seconds=60)
"""Whoever writes a new mail so soon after the last one may be a program that answers each acknowledgement."""
ACKNOWLEDGEMENTS = 2
"""A day, for an address that writes so."""
SPELLINGS_THANKED = 2
"""A day, of one mailbox, as by `name+tag@`."""
DAY = timedelta(days=1)


class RoutingLookup:
    """What we know of ourselves."""

    def __init__(
        self, threads: MailThreads, own: OwnAddresses, bans: BanList, staff: StaffMail, settings: MailSettings
    ) -> None:
        self.own = own
        self._threads = threads
        self._proofs = BounceProofs(threads, ReturnPaths(settings))
        self._bans = bans
        self._staff = staff
        self._settings = settings
        self._counts = DailyCounts(settings)

    async def facts_of(
        self, session: Session, mail: ReadMail, sender: str, requester: str, received_at: datetime
    ) -> RoutingFacts:
        """Everything `decide` asks about a mail of this sender, who may write for a `requester`."""
        signed = await self._signed(session, mail, sender)
        known = await self._known(session, mail, sender)
        numbered = await self._numbered(session, mail, sender)
        named = tuple(one for one in (signed, known) if one is not None)
        is_found = signed is not None or any(one.is_member for one in (known, numbered) if one is not None)
        return RoutingFacts(
            nature=mail.nature,
            is_own=self._threads.read(mail.message_id or "") is not None,
            is_delivery_report=mail.is_delivery_report,
            is_banned=await self._bans.forbids(sender) or await self._bans.forbids(requester),
            signed=signed,
            known=known,
            numbered=numbered,
            related=None if is_found else await _related(session, mail, requester),
            side=await find_side_answer(session, self._threads, mail, sender, self._staff.trusted),
            staff=await self._staff.find(session, mail, sender, named, numbered),
            may_staff_reply=self._settings.mail_staff_replies,
            may_acknowledge=await self._may_acknowledge(session, requester, received_at),
            do_auto_replies_open=self._settings.mail_auto_replies_open,
        )

    async def note_bounces(self, session: Session, mail: ReadMail, stored: RawMail) -> None:
        """Announces which mails of ours a report says came back."""
        await announce_bounces(session, self._proofs, mail, stored)

    async def _signed(self, session: Session, mail: ReadMail, sender: str) -> NamedTicket | None:
        """Proved only if one of the ids is that of a mail to the sender: all others anybody may have seen.

        An id of a mail to a third party names no ticket: whoever has it does not belong to the conversation.
        """
        read = [one for message_id in mail.thread_ids if (one := self._threads.read_reference(message_id))]
        found = [one for one in read if one.audience is not MailAudience.THIRD_PARTY]
        for reference in found:
            if (named := await _named(session, reference.ticket_id, sender)) is not None:
                same = (one for one in found if one.ticket_id == reference.ticket_id)
                return replace(named, is_proved=any(self._proves(one, sender) for one in same))
        return None

    def _proves(self, reference: MailReference, sender: str) -> bool:
        return reference.audience is not MailAudience.STAFF and self._threads.was_sent_to(reference, sender)

    async def _known(self, session: Session, mail: ReadMail, sender: str) -> NamedTicket | None:
        """Of several tickets, the sender's own; else the one whose mail is answered most directly."""
        rows = await session.execute(
            select(MailId.mail_id, MailId.ticket_id).where(MailId.mail_id.in_(mail.thread_ids))
        )
        tickets = dict(rows.tuples().all())
        nearest = dict.fromkeys(tickets[mail_id] for mail_id in mail.thread_ids if mail_id in tickets)
        found = [named for ticket_id in nearest if (named := await _named(session, ticket_id, sender))]
        return next((named for named in found if named.is_member), found[0] if found else None)

    async def _numbered(self, session: Session, mail: ReadMail, sender: str) -> NamedTicket | None:
        if mail.ticket_number is None:
            return None
        ticket_id = await session.scalar(select(Ticket.id).where(Ticket.number == mail.ticket_number))
        return await _named(session, ticket_id, sender) if ticket_id else None

    async def _may_acknowledge(self, session: Session, requester: str, at: datetime) -> bool:
        """False for robots, and after two mails for addresses that answer within seconds: they may go on for ever."""
        if self.own.has(requester) or is_robot(requester.rpartition("@")[0]):
            return False
        theirs = func.lower(Ticket.requester_email) == requester.lower()
        today = Ticket.created_at.between(at - DAY, at)
        opened = select(Ticket.created_at).where(theirs, today, Ticket.channel == Channel.EMAIL)
        instants = (await session.scalars(opened.order_by(Ticket.created_at.desc()).limit(MAX_RELATED))).all()
        if not instants and not await self._is_thanked_so(session, requester, at):
            return False
        is_quick = any(later - earlier <= ANSWERS_WITHIN for later, earlier in pairwise((at, *instants)))
        return not is_quick or len(instants) < ACKNOWLEDGEMENTS

    async def _is_thanked_so(self, session: Session, requester: str, at: datetime) -> bool:
        """Whether an address that is another spelling of a mailbox may be thanked: programs make one for each mail."""
        mailbox = mailbox_key(requester)
        if mailbox == address_key(requester):
            return True
        return await self._counts.take(session, "spellings", mailbox, SPELLINGS_THANKED, at)


async def _related(session: Session, mail: ReadMail, requester: str) -> NamedTicket | None:
    """The newest ticket of the same person, with the same subject, that began in a thread this mail is part of."""
    ids = [*mail.thread_ids, *((mail.message_id,) if mail.message_id else ())]
    emails = await addresses_of_person(session, requester)
    theirs = func.lower(Ticket.requester_email).in_(emails), Ticket.erased_at.is_(None)
    rows = await session.execute(
        select(Ticket.id, Ticket.subject)
        .where(Ticket.id.in_(select(MailAncestor.ticket_id).where(MailAncestor.mail_id.in_(ids))), *theirs)
        .order_by(Ticket.created_at.desc(), Ticket.id.desc())
        .limit(MAX_RELATED)
    )
    subject = plain_subject(mail.subject)
    found = next((row.id for row in rows if plain_subject(row.subject.removeprefix(NO_SUBJECT)) == subject), None)
    return NamedTicket(found, SenderStanding.REQUESTER, is_on_behalf=True) if found else None


async def _named(session: Session, ticket_id: UUID, sender: str) -> NamedTicket | None:
    ticket = await session.get(Ticket, ticket_id)
    if ticket is None or ticket.erased_at is not None:
        return None
    if await session.scalar(select(Ticket.id).where(Ticket.id == ticket_id, belongs_to(Ticket, address_key(sender)))):
        return NamedTicket(ticket_id, SenderStanding.REQUESTER)
    participant = await find_participant(session, ticket_id, sender)
    is_in = participant is not None and participant.state is ParticipantState.JOINED
    return NamedTicket(ticket_id, SenderStanding.PARTICIPANT if is_in else SenderStanding.STRANGER)


async def newest_open_ticket(session: Session, sender: str) -> UUID | None:
    """Where a sender who may open no more tickets goes on."""
    theirs = func.lower(Ticket.requester_email).in_(await addresses_of_person(session, sender))
    is_open = Ticket.status.not_in([Status.RESOLVED, Status.CLOSED])
    return await session.scalar(
        select(Ticket.id).where(theirs, is_open).order_by(Ticket.created_at.desc(), Ticket.id.desc()).limit(1)
    )
