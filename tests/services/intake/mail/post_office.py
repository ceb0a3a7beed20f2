"""Sending mail to intake as the world does, and looking at what became of it."""

from dataclasses import dataclass, field
from email.message import EmailMessage
from itertools import count
from uuid import UUID

import aiosmtplib
import pytest
from sqlalchemy import select

from services.intake.abuse.admission_control import AdmissionControl
from services.intake.mail.pipeline.processing import MailPipeline
from services.intake.mail.settings import MailSettings
from services.intake.mail.transports.raw_mail_store import identity_of
from services.intake.models import Attachment, Message, Participant, RawMail, RawMailState, Ticket
from shared.contracts.base import TicketId
from shared.kit.auth import MailAudience, MailThreads
from shared.kit.clock import new_id
from tests.services.intake.harness import IntakeHarness
from tests.support.eventually import eventually

SUPPORT = "support@everdesk.example"
_numbers = count(1)


def letter(text: str = "The printer burns.", **headers: str) -> EmailMessage:
    """A mail of a person, with headers changed or added (`in_reply_to="<a@b>"`)."""
    mail = EmailMessage()
    given = {
        "from": "Dana Ruiz <dana@bank.example>",
        "to": SUPPORT,
        "subject": f"Printer {next(_numbers)}",
        "message-id": f"<{new_id()}@bank.example>",
    } | {name.replace("_", "-"): value for name, value in headers.items()}
    for name, value in given.items():
        if value:
            mail[name] = value
    mail.set_content(text)
    return mail


@dataclass
class PostOffice:
    """The mail process as clients see it, and intake's tables behind it."""

    port: int
    intake: IntakeHarness
    settings: MailSettings
    admission: AdmissionControl
    processing: MailPipeline | None = None
    threads: MailThreads = field(init=False)

    def __post_init__(self) -> None:
        self.threads = MailThreads(self.settings, self.settings.mail_domain)

    def knows_mailbox(self, name: str, topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Has this process know a mailbox's topic, as all processes of an installation do: any of them takes a mail."""
        assert self.processing is not None
        monkeypatch.setitem(self.processing._topic_of_source, name, topic)

    async def hand_in(
        self, mail: EmailMessage | bytes, sender: str | None = None, to: tuple[str, ...] = (SUPPORT,)
    ) -> str:
        """Delivers a mail over SMTP and returns the server's words. Raises aiosmtplib.SMTPResponseException."""
        raw = mail if isinstance(mail, bytes) else mail.as_bytes()
        envelope = "dana@bank.example" if sender is None else sender
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=self.port, timeout=30, start_tls=False) as client:
            _, answer = await client.sendmail(envelope, list(to), raw)
        return answer

    async def stored(self, mail: EmailMessage | bytes) -> RawMail | None:
        """The row of a mail, if it is kept."""
        raw = mail if isinstance(mail, bytes) else mail.as_bytes()
        identity = identity_of(raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
        async with self.intake.database.begin() as session:
            return await session.scalar(select(RawMail).where(RawMail.identity == identity))

    async def settled(self, mail: EmailMessage | bytes, within: float = 15.0) -> RawMail:
        """The row of a mail, once it is known what became of it."""

        async def is_settled() -> RawMail | None:
            row = await self.stored(mail)
            assert row is not None
            assert row.state is not RawMailState.RECEIVED, row.outcome
            return row

        row = await eventually(is_settled, within)
        assert row is not None
        return row

    async def deliver(self, mail: EmailMessage, **arguments: object) -> RawMail:
        """Hands a mail in and waits for what becomes of it."""
        await self.hand_in(mail, **arguments)  # type: ignore[arg-type]
        return await self.settled(mail)

    async def opened(self, **headers: str) -> Ticket:
        """A ticket that a new mail opened."""
        row = await self.deliver(letter(**headers))
        assert row.state is RawMailState.DONE
        assert row.ticket_id is not None
        return await self.ticket(row.ticket_id)

    async def ticket(self, ticket_id: UUID) -> Ticket:
        """A ticket's row."""
        async with self.intake.database.begin() as session:
            return await session.get_one(Ticket, ticket_id)

    async def messages(self, ticket_id: UUID) -> list[Message]:
        """A ticket's messages, oldest first."""
        async with self.intake.database.begin() as session:
            found = select(Message).where(Message.ticket_id == ticket_id).order_by(Message.received_at, Message.id)
            return list(await session.scalars(found))

    async def files(self, ticket_id: UUID) -> list[Attachment]:
        """A ticket's files."""
        async with self.intake.database.begin() as session:
            return list(await session.scalars(select(Attachment).where(Attachment.ticket_id == ticket_id)))

    async def participants(self, ticket_id: UUID) -> dict[str, str]:
        """Who is in copy of a ticket, and where they stand."""
        async with self.intake.database.begin() as session:
            found = await session.scalars(select(Participant).where(Participant.ticket_id == ticket_id))
            return {one.email: one.state.value for one in found}

    def answers(self, ticket: Ticket) -> str:
        """The Message-ID of a mail of ours to the requester of the ticket."""
        return self.answers_to(ticket, ticket.requester_email)

    def answers_to(self, ticket: Ticket, email: str, audience: MailAudience = MailAudience.REQUESTER) -> str:
        """The Message-ID of a mail of ours about the ticket to this address."""
        return self.threads.message_id(TicketId(ticket.id), new_id(), audience, email)
