"""Looks up what a decision about a mail rests on: which tickets it names, and what its sender is to them."""

from uuid import UUID

from sqlalchemy import func, select

from services.intake.abuse.bans import BanList
from services.intake.commands.participants import find_participant
from services.intake.mail.deciding import Facts, Named, Standing
from services.intake.mail.own_addresses import OwnAddresses
from services.intake.mail.reading import ReadMail
from services.intake.models import MailId, Ticket
from shared.contracts.vocabulary import ParticipantState, Status
from shared.kit.auth import MailThreads
from shared.kit.db import Session


class Desk:
    """What we know of ourselves."""

    def __init__(self, threads: MailThreads, own: OwnAddresses, bans: BanList, *, do_auto_replies_open: bool) -> None:
        self._threads = threads
        self._own = own
        self._bans = bans
        self._do_auto_replies_open = do_auto_replies_open

    async def facts_of(self, session: Session, mail: ReadMail, sender: str) -> Facts:
        """Everything `decide` asks about a mail of this sender."""
        is_own = self._own.has(sender) or self._threads.read(mail.message_id or "") is not None
        return Facts(
            nature=mail.nature,
            is_own=is_own,
            is_banned=await self._bans.forbids(sender),
            signed=await self._signed(session, mail, sender),
            known=await self._known(session, mail, sender),
            numbered=await self._numbered(session, mail, sender),
            do_auto_replies_open=self._do_auto_replies_open,
        )

    async def _signed(self, session: Session, mail: ReadMail, sender: str) -> Named | None:
        for message_id in mail.thread_ids:
            ticket_id = self._threads.read(message_id)
            if ticket_id is not None and (named := await _named(session, ticket_id, sender)):
                return named
        return None

    async def _known(self, session: Session, mail: ReadMail, sender: str) -> Named | None:
        """Of several tickets, the one whose mail is answered most directly."""
        rows = await session.execute(
            select(MailId.mail_id, MailId.ticket_id).where(MailId.mail_id.in_(mail.thread_ids))
        )
        tickets = dict(rows.tuples().all())
        for mail_id in mail.thread_ids:
            if mail_id in tickets and (named := await _named(session, tickets[mail_id], sender)) and named.is_member:
                return named
        return None

    async def _numbered(self, session: Session, mail: ReadMail, sender: str) -> Named | None:
        if mail.ticket_number is None:
            return None
        ticket_id = await session.scalar(select(Ticket.id).where(Ticket.number == mail.ticket_number))
        return await _named(session, ticket_id, sender) if ticket_id else None


async def _named(session: Session, ticket_id: UUID, sender: str) -> Named | None:
    ticket = await session.get(Ticket, ticket_id)
    if ticket is None or ticket.erased_at is not None:
        return None
    if ticket.requester_email.casefold() == sender.casefold():
        return Named(ticket_id, Standing.REQUESTER)
    participant = await find_participant(session, ticket_id, sender)
    is_in = participant is not None and participant.state is ParticipantState.JOINED
    return Named(ticket_id, Standing.PARTICIPANT if is_in else Standing.STRANGER)


async def newest_open_ticket(session: Session, sender: str) -> UUID | None:
    """Where a sender who may open no more tickets goes on."""
    theirs = func.lower(Ticket.requester_email) == sender.lower()
    is_open = Ticket.status.not_in([Status.RESOLVED, Status.CLOSED])
    return await session.scalar(
        select(Ticket.id).where(theirs, is_open).order_by(Ticket.created_at.desc(), Ticket.id.desc()).limit(1)
    )
