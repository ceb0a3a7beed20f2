"""Turns a decision about a mail into a ticket or a message, with its files and the people in copy."""

from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from services.intake.abuse.invitations import InvitationLimits, Inviter
from services.intake.attachments.upload import Uploader
from services.intake.commands.merged_tickets import target_of
from services.intake.commands.new_message import NewMessage
from services.intake.commands.participants import (
    MAX_PARTICIPANTS,
    InvitedPerson,
    ParticipantOrigin,
    invite_participants,
    propose_participants,
)
from services.intake.commands.post_message import post_message
from services.intake.commands.submit_ticket import Submission, submit_ticket
from services.intake.mail.own_addresses import OwnAddresses
from services.intake.mail.parsing.inbound_message import InboundMessage, is_writable
from services.intake.mail.parsing.parser import ReadMail
from services.intake.mail.pipeline.mail_files import store_mail_files
from services.intake.mail.pipeline.queue import SettledMail
from services.intake.mail.routing.decision import AddNote, AddSideMessage, AppendMessage, OpenTicketFromMail
from services.intake.models import MailAncestor, MailId, RawMail, RawMailState, SideMail, Ticket
from services.intake.queries.people import addresses_of_person
from shared.contracts.base import AgentId, MessageId, TicketId
from shared.contracts.events import AttachmentRef, NoteReceived, Person, SideMessageReceived
from shared.contracts.events.side_conversations import side_event_id
from shared.contracts.vocabulary import Channel
from shared.kit import outbox
from shared.kit.addresses import address_key
from shared.kit.clock import new_id
from shared.kit.db import Session
from shared.kit.requester_ids import RequesterIds
from shared.kit.return_paths import ReturnPaths
from shared.kit.user_content.renderer import BodyRenderer


@dataclass(frozen=True, slots=True)
class MailPersister:
    """What writing needs besides the mail."""

    own: OwnAddresses
    uploader: Uploader
    limits: InvitationLimits
    renderer: BodyRenderer
    return_paths: ReturnPaths
    requester_ids: RequesterIds

    async def append(
        self, session: Session, stored: RawMail, mail: ReadMail, letter: InboundMessage, decision: AppendMessage
    ) -> SettledMail:
        """A message on the ticket, whatever its status: the workflow decides what follows from it."""
        await self._redact_ahead(letter.quoted)
        ticket = await target_of(session, await session.get_one(Ticket, decision.ticket_id))
        message_id = MessageId(new_id())
        written = letter.with_banner() if decision.is_from_stranger else letter
        kept = await store_mail_files(self.uploader, session, stored, written, ticket.id, message_id)
        await self._redact_ahead(kept.body)
        own = await addresses_of_person(session, ticket.requester_email)
        is_requester = address_key(letter.sender) in own
        await post_message(
            session,
            ticket,
            NewMessage(
                message_id=message_id,
                body=kept.body,
                body_format=letter.body_format,
                channel=Channel.EMAIL,
                received_at=stored.received_at,
                author_name=None if is_requester else letter.name,
                author_email=None if is_requester else letter.sender,
                requester_address=letter.sender if is_requester else None,
                quoted=letter.quoted,
                mail_id=mail.message_id,
                is_automatic=decision.is_automatic,
                attachments=kept.refs,
            ),
        )
        guests: list[InvitedPerson] = []
        if not decision.is_from_stranger and not decision.is_automatic:
            origin = _origin(letter, stored)
            guests = self._guests(mail, set(own))
            if decision.is_proved:
                await invite_participants(session, ticket.id, guests, origin, self.limits)
            else:
                await propose_participants(session, ticket.id, guests, origin)
        await remember(session, mail, ticket.id)
        outcome = f"a message on ticket {ticket.number}"
        if decision.is_from_stranger:
            outcome += ", from somebody who is not part of it"
        return SettledMail(RawMailState.DONE, outcome, ticket.id, message_id, guests=_at_most(guests))

    async def add_note(
        self, session: Session, stored: RawMail, letter: InboundMessage, decision: AddNote
    ) -> SettledMail:
        """What staff wrote, handed to those who keep notes; the mail and its files are kept from the requester."""
        ticket = await session.get_one(Ticket, decision.ticket_id)
        message_id = MessageId(new_id())
        written = letter if decision.is_verified else letter.unverified()
        kept = await store_mail_files(self.uploader, session, stored, written, ticket.id, message_id, is_internal=True)
        await self._redact_ahead(kept.body)
        event = NoteReceived(
            ticket_id=TicketId(ticket.id),
            message_id=message_id,
            agent_id=AgentId(decision.agent_id),
            body=kept.body,
            body_format=letter.body_format,
            attachments=kept.refs,
            is_verified=decision.is_verified,
            is_reply=decision.is_reply,
            received_at=stored.received_at,
        )
        await outbox.add(session, event, f"{message_id}:staff-mail", stored.received_at)
        stored.is_internal = True
        return SettledMail(RawMailState.DONE, f"a mail of staff about ticket {ticket.number}", ticket.id, message_id)

    async def add_side_message(
        self, session: Session, stored: RawMail, mail: ReadMail, letter: InboundMessage, decision: AddSideMessage
    ) -> SettledMail:
        """What a third party answered, handed to those who wrote to them; the mail is kept from the requester.

        Whether a report of a mail server is to be believed is for those to say who know how the mail was sent.
        """
        answer, message_id = decision.answer, MessageId(new_id())
        ticket = await session.get_one(Ticket, answer.ticket_id)
        target = await target_of(session, ticket)
        is_proved = self.return_paths.is_proved(answer.answered_mail, stored.recipients)
        body, files = "", tuple[AttachmentRef, ...]()
        if not answer.is_bounce:
            kept = await store_mail_files(
                self.uploader, session, stored, letter, ticket.id, message_id, is_internal=True
            )
            await self._redact_ahead(kept.body)
            body, files = kept.body, kept.refs
        event = SideMessageReceived(
            ticket_id=TicketId(ticket.id),
            message_id=message_id,
            answered_id=MessageId(answer.message_id),
            author_name=letter.name,
            body=body,
            body_format=letter.body_format,
            attachments=files,
            mail_id=mail.message_id,
            is_bounce=answer.is_bounce,
            is_proved=is_proved if answer.is_bounce else None,
            is_automatic=decision.is_automatic,
            is_verified=answer.is_verified,
            merged_into=None if target is ticket else TicketId(target.id),
            received_at=stored.received_at,
        )
        await outbox.add(session, event, side_event_id(message_id), stored.received_at)
        if not answer.is_bounce:
            their_id = self.requester_ids.of(letter.sender)
            session.add(
                SideMail(message_id=message_id, ticket_id=ticket.id, requester_id=their_id, at=stored.received_at)
            )
        stored.is_internal = True
        return SettledMail(RawMailState.DONE, f"beside ticket {ticket.number}", ticket.id, message_id)

    async def open(
        self,
        session: Session,
        stored: RawMail,
        mail: ReadMail,
        letter: InboundMessage,
        decision: OpenTicketFromMail,
        topic_id: UUID | None,
    ) -> SettledMail:
        """A new ticket. Its sender proved nothing yet, so that people in copy are proposed to them, and not asked."""
        await self._redact_ahead(letter.quoted)
        draft = Submission(
            requester=Person(email=letter.sender, name=letter.name),
            subject=letter.subject,
            body="",
            body_format=letter.body_format,
            channel=Channel.EMAIL,
            received_at=stored.received_at,
            topic_id=topic_id,
            quoted=letter.quoted,
            mail_id=mail.message_id,
            is_automatic=decision.is_automatic,
            acknowledge=decision.acknowledge and letter.is_answerable,
        )
        kept = await store_mail_files(self.uploader, session, stored, letter, draft.ticket_id, draft.message_id)
        await self._redact_ahead(kept.body)
        number = await submit_ticket(session, replace(draft, body=kept.body, attachments=kept.refs))
        guests = [] if decision.is_automatic else self._guests(mail, {letter.sender})
        await propose_participants(session, draft.ticket_id, guests, _origin(letter, stored))
        await remember(session, mail, draft.ticket_id)
        return SettledMail(
            RawMailState.DONE, f"ticket {number}", draft.ticket_id, draft.message_id, guests=_at_most(guests)
        )

    async def _redact_ahead(self, text: str) -> None:
        """Takes our links out of a long text beside this process, which then knows the answer."""
        await self.renderer.redact_if_possible(text)

    def _guests(self, mail: ReadMail, but: set[str]) -> list[InvitedPerson]:
        """Whom the mail was also sent to: never ourselves, never its writer."""
        excluded = {address.casefold() for address in but} | (
            {mail.sender.address.casefold()} if mail.sender else set()
        )
        return [
            InvitedPerson(one.address, one.name)
            for one in (*mail.to, *mail.cc)
            if one.address.casefold() not in excluded and not self.own.has(one.address) and is_writable(one.address)
        ]


MAX_ANCESTORS = 10


def _at_most(guests: list[InvitedPerson]) -> int:
    return min(len(guests), MAX_PARTICIPANTS)


def _origin(letter: InboundMessage, stored: RawMail) -> ParticipantOrigin:
    sender = letter.sender.casefold()
    return ParticipantOrigin(Channel.EMAIL, stored.received_at, added_by=sender, inviter=Inviter(sender))


async def remember(session: Session, mail: ReadMail, ticket_id: UUID) -> None:
    """Answers to this mail belong to the ticket; so may other mails of its sender that name the same earlier ones."""
    if mail.message_id:
        await session.execute(
            insert(MailId).values(mail_id=mail.message_id, ticket_id=ticket_id).on_conflict_do_nothing()
        )
    ancestors = dict.fromkeys((*mail.thread_ids[:MAX_ANCESTORS], *mail.thread_ids[-1:]))
    if ancestors:
        rows = [{"mail_id": mail_id, "ticket_id": ticket_id} for mail_id in ancestors]
        await session.execute(insert(MailAncestor).values(rows).on_conflict_do_nothing())
