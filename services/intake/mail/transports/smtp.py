"""The SMTP listener: 250 means that the mail is stored durably."""

import asyncio
import ssl
from collections import Counter
from typing import AnyStr, cast

from aiosmtpd.smtp import SMTP, Envelope, Session

from services.intake.abuse.bans import BanList
from services.intake.attachments.object_store import StorageUnavailable
from services.intake.mail.own_addresses import OwnAddresses
from services.intake.mail.settings import MailSettings
from services.intake.mail.transports.raw_mail_store import RawMailStore, ReceivedMail
from shared.kit.addresses import NOT_SERVED, address_key
from shared.kit.clock import utc_now
from shared.kit.http.client_address import network_of
from shared.kit.http.problems import Problem
from shared.kit.http.rate_limits import Budgets, RateLimiter
from shared.kit.outages import is_unreachable
from shared.kit.telemetry import MAILS_IN, log

SOURCE = "smtp"
LATER = "451 4.3.0 We cannot keep the mail at the moment; try again later"
LINE_LIMIT = 256 * 1024
"""Bytes of one line: programs write longer ones than the standard has it, and their mails count too."""
SLACK = 1024 * 1024
"""Bytes a client may send beyond the largest mail before it gets an answer; after that it is cut off."""


class SmtpReceiver:
    """What the protocol asks of us, command by command (aiosmtpd's hooks)."""

    def __init__(
        self, settings: MailSettings, reception: RawMailStore, bans: BanList, budgets: Budgets | None = None
    ) -> None:
        self._settings = settings
        self._reception = reception
        self._bans = bans
        self._own = OwnAddresses.of(settings)
        self._limiter = RateLimiter("mail-sender", settings.mail_per_sender_per_minute, shared=budgets)

    async def handle_MAIL(  # noqa: N802
        self, _server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Turns away whom we do not want, and who sends too much."""
        if not address.rpartition("@")[0].isascii():
            return f"553 5.6.7 {NOT_SERVED}"
        if await self._bans.forbids(address, address_of(session)):
            return "550 5.7.1 Mail from this sender is not accepted"
        try:
            await self._limiter.check(None, address_key(_sender(address)) or address_of(session))
        except Problem:
            return "451 4.7.1 Too many mails from this sender; try again later"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """We relay for nobody."""
        if not self._own.has(address):
            return "550 5.1.1 There is no such mailbox here"
        if len(envelope.rcpt_tos) >= self._settings.mail_max_recipients:
            return "452 4.5.3 Too many recipients"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keeps the mail."""
        content = envelope.content or b""
        arrival = ReceivedMail(
            content=content if isinstance(content, bytes) else content.encode(),
            source=SOURCE,
            sender=_sender(envelope.mail_from),
            recipients=tuple(envelope.rcpt_tos),
            received_at=utc_now(),
            network=network_of(address_of(session)),
        )
        try:
            is_new = await self._reception.store(arrival)
        except Exception as error:
            if not (isinstance(error, StorageUnavailable) or is_unreachable(error)):
                raise
            log.warning("mail_in.not_kept", error=repr(error))
            MAILS_IN.labels(SOURCE, "later").inc()
            return LATER
        MAILS_IN.labels(SOURCE, "kept" if is_new else "known").inc()
        return "250 2.0.0 Kept" if is_new else "250 2.0.0 Kept already"

    async def handle_exception(self, error: Exception) -> str:
        """Our own fault: the client keeps the mail."""
        if not is_unreachable(error):
            log.error("mail_in.failed", exc_info=error)
        return LATER


class SmtpConnection(SMTP):
    """One connection, within limits."""

    line_length_limit = LINE_LIMIT

    def __init__(
        self, desk: SmtpReceiver, settings: MailSettings, tls: ssl.SSLContext | None, open_lines: "OpenConnections"
    ) -> None:
        super().__init__(
            desk,
            data_size_limit=settings.mail_max_bytes,
            enable_SMTPUTF8=True,
            hostname=settings.mail_domain,
            ident="Everdesk",
            tls_context=tls,
            timeout=settings.mail_command_seconds,
            loop=asyncio.get_running_loop(),
        )
        self._most = settings.mail_max_bytes + SLACK
        self._unanswered = 0
        self._open_lines = open_lines
        self._peer = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Counts the connection, or ends it."""
        if not self._peer:
            peer = transport.get_extra_info("peername")
            self._peer = network_of(str(peer[0])) if peer else "unknown"
            if not self._open_lines.open(self._peer):
                self._peer = ""
                cast(asyncio.Transport, transport).write(b"421 4.7.0 Too many connections; try again later\r\n")
                cast(asyncio.Transport, transport).close()
                return
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Counts it no longer."""
        if self._peer:
            self._open_lines.close(self._peer)
            self._peer = ""
            super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        """What is never answered grows without end: a line that does not stop is cut."""
        self._unanswered += len(data)
        if self._unanswered > self._most and self.transport is not None:
            cast(asyncio.Transport, self.transport).abort()
            return
        super().data_received(data)

    async def push(self, status: AnyStr) -> None:
        """An answer."""
        self._unanswered = 0
        await super().push(status)


class OpenConnections:
    """How many connections there are, in all and of each address."""

    def __init__(self, in_all: int, each: int) -> None:
        self._in_all = in_all
        self._each = each
        self._open: Counter[str] = Counter()

    def open(self, peer: str) -> bool:
        """Counts one more, unless there are too many."""
        if self._open.total() >= self._in_all or self._open[peer] >= self._each:
            return False
        self._open[peer] += 1
        return True

    def close(self, peer: str) -> None:
        """One less."""
        self._open[peer] -= 1
        if self._open[peer] <= 0:
            del self._open[peer]


async def listen(
    settings: MailSettings, reception: RawMailStore, bans: BanList, budgets: Budgets | None = None
) -> asyncio.Server:
    """Listens on `mail_in_port`. Raises OSError where that is taken."""
    desk = SmtpReceiver(settings, reception, bans, budgets)
    tls = _tls(settings)
    lines = OpenConnections(settings.mail_connections, settings.mail_connections_per_address)
    loop = asyncio.get_running_loop()
    return await loop.create_server(
        lambda: SmtpConnection(desk, settings, tls, lines), settings.host, settings.mail_in_port
    )


def address_of(session: Session) -> str:
    """Where the client calls from."""
    return str(session.peer[0]) if isinstance(session.peer, tuple) and session.peer else "unknown"


def _tls(settings: MailSettings) -> ssl.SSLContext | None:
    if settings.mail_tls_certificate is None or settings.mail_tls_key is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings.mail_tls_certificate, settings.mail_tls_key)
    return context


def _sender(path: str | None) -> str:
    """The address in MAIL FROM, empty for the null sender `<>` of bounces."""
    return "" if path in (None, "<>") else path
