"""A real SMTP server in this process that can be away, refuse, or be looked into."""

import asyncio
from collections import defaultdict
from email import message_from_bytes, policy
from email.message import EmailMessage

from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.local.engines.ports import find_free_port


class MailServer:
    """Keeps its port over `stop` and `start`."""

    def __init__(self) -> None:
        self.port = find_free_port()
        self._mails: defaultdict[str, list[EmailMessage]] = defaultdict(list)
        self.refusals: dict[str, list[str]] = {}
        """What to answer, in turn, to mails for an address; afterwards they are taken."""
        self.senders: dict[str, str] = {}
        """The envelope sender of each mail taken, by its Message-ID."""
        self.begun = 0
        """Mails that it was ready to read, taken or not."""
        self.connections = 0
        self.delay = 0.0
        """Seconds before a mail is taken."""
        self.never_answered: set[str] = set()
        """Addresses of which a mail is read to its end and never answered."""
        self.is_mute = False
        """Whether clients are let in and told nothing."""
        self._server: asyncio.Server | None = None
        self._transports: set[asyncio.BaseTransport] = set()

    async def start(self) -> None:
        if self._server is None:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_server(self._protocol, "127.0.0.1", self.port)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
            for transport in list(self._transports):
                transport.close()
            self._transports.clear()

    def about(self, number: str) -> list[EmailMessage]:
        """The mails about one ticket, as they came."""
        return self._mails[number]

    def to(self, address: str) -> list[EmailMessage]:
        """The mails to one address, of any ticket or none."""
        every = (mail for mails in self._mails.values() for mail in mails)
        return [mail for mail in every if mail["To"].addresses[0].addr_spec == address]

    async def handle_EHLO(  # noqa: N802
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """aiosmtpd's hook for a greeting: commands may come together, which it reads one by one anyway."""
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]]

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """aiosmtpd's hook for a complete mail."""
        await asyncio.sleep(self.delay)
        if envelope.rcpt_tos[0] in self.never_answered:
            await asyncio.sleep(3600)
        if answers := self.refusals.get(envelope.rcpt_tos[0]):
            return answers.pop(0)
        content = envelope.original_content or b""
        mail = message_from_bytes(content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.senders[mail["Message-ID"]] = envelope.mail_from or ""
        self._mails[mail["X-Everdesk-Ticket"]].append(mail)
        return "250 2.0.0 Taken"

    def _protocol(self) -> asyncio.Protocol:
        self.connections += 1
        if self.is_mute:
            return asyncio.Protocol()
        return _Connection(self, self._transports)


class _Connection(SMTP):
    """One client; cut off when the server stops."""

    def __init__(self, server: MailServer, transports: set[asyncio.BaseTransport]) -> None:
        super().__init__(server, enable_SMTPUTF8=True, hostname="mail.test")
        self._mail_server = server
        self._transports = transports

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        self._mail_server.begun += 1
        await super().smtp_DATA(arg)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transports.add(transport)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self.transport is not None:
            self._transports.discard(self.transport)
        super().connection_lost(error)


def html_of(mail: EmailMessage) -> str:
    """The HTML part."""
    part = mail.get_body(("html",))
    assert part is not None
    return str(part.get_content())


def text_of(mail: EmailMessage) -> str:
    """The plain part."""
    part = mail.get_body(("plain",))
    assert part is not None
    return str(part.get_content())
