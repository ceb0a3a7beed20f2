"""A reused SMTP connection, and the classification of the server's answers."""

import time

import aiosmtplib
from aiosmtplib import SMTP

from services.notification.delivery.smtp_dialogue import ContentGate, OutgoingMail, SmtpDialogue
from services.notification.errors import MailConnectionLost, MailRefused, MailServerAway
from services.notification.settings import NotificationSettings

TIMEOUT = 15.0
"""Seconds for one command."""
FRESH_SECONDS = 5.0
"""A connection idle for longer is tried before it is trusted with a mail."""
SERVICE_CLOSING = 421

_AWAY = (OSError, aiosmtplib.SMTPException, TimeoutError)


class MailConnection:
    """Connects on first use and again after a failure."""

    def __init__(self, settings: NotificationSettings) -> None:
        self._settings = settings
        self._sender = settings.mail_address
        self._dialogue: SmtpDialogue | None = None
        self._used_at = 0.0

    def mail(self, message: bytes, address: str, sender: str | None = None) -> OutgoingMail:
        """Returns a mail to send; `sender` is the envelope's, where it has one of its own."""
        return OutgoingMail(message, address, sender or self._sender)

    async def send(
        self, mail: OutgoingMail, gate: ContentGate | None = None, following: OutgoingMail | None = None
    ) -> str:
        """Sends one mail, its content once `gate` lets it follow; returns what the server said when it accepted it.

        The mail that is sent `following` it may have its envelope said in one piece with the content.

        Raises MailServerAway if there is no connection, MailConnectionLost if it ended meanwhile, MailRefused if the
        mail was refused, MailWithheld if its content was not let through.
        """
        try:
            dialogue = await self._with_envelope(mail)
            answer = await dialogue.send_content(mail, gate, following)
        except _AWAY as error:
            if is_lost(error):
                await self.close()
                raise MailConnectionLost(told_by(error)) from error
            refusal = refusal_of(error)
            if isinstance(error, OSError) or self._dialogue is None or not self._dialogue.is_open:
                await self.close()
            raise refusal from error
        self._used_at = time.monotonic()
        return answer

    async def _with_envelope(self, mail: OutgoingMail) -> SmtpDialogue:
        """Returns a connection whose server waits for the content of the mail.

        That one ended after an envelope was said ahead is no news about that mail: it is said over another.
        """
        dialogue = self._dialogue
        if dialogue is not None and dialogue.ahead is mail:
            try:
                await dialogue.say_envelope(mail)
            except _AWAY as error:
                if not is_lost(error):
                    raise
            if dialogue.is_open:
                return dialogue
        dialogue = await self._ready()
        await dialogue.say_envelope(mail)
        return dialogue

    async def close(self) -> None:
        """Ends the connection, if there is one."""
        dialogue, self._dialogue = self._dialogue, None
        if dialogue is not None:
            dialogue.close()

    async def _ready(self) -> SmtpDialogue:
        if self._dialogue is not None and await self._is_alive(self._dialogue):
            return self._dialogue
        await self.close()
        client = await connect(self._settings)
        self._dialogue = SmtpDialogue(client, TIMEOUT, may_pipeline=self._settings.smtp_pipelining)
        return self._dialogue

    async def _is_alive(self, dialogue: SmtpDialogue) -> bool:
        if not dialogue.is_open or dialogue.ahead is not None:
            return False
        if time.monotonic() - self._used_at < FRESH_SECONDS:
            return True
        try:
            await dialogue.reset()
        except _AWAY:
            return False
        return True


async def connect(settings: NotificationSettings) -> SMTP:
    """Opens a connection with TLS and authentication as the settings say. Raises MailServerAway."""
    client = SMTP(
        hostname=settings.smtp_host,
        port=settings.smtp_port,
        timeout=TIMEOUT,
        use_tls=settings.smtp_tls == "tls",
        start_tls=settings.smtp_tls == "starttls",
        username=settings.smtp_username,
        password=settings.smtp_password.get_secret_value() if settings.smtp_password else None,
    )
    try:
        await client.connect()
        await _greet(client)
    except _AWAY as error:
        client.close()
        raise MailServerAway(str(error) or repr(error)) from error
    except BaseException:
        client.close()
        raise
    if client.transport is None:
        raise MailServerAway("the connection ended after the greeting")
    return client


async def _greet(client: SMTP) -> None:
    """Tells the server who we are, if it has not been asked for its abilities yet; the old way if it has none."""
    if not client.is_ehlo_or_helo_needed:
        return
    try:
        await client.ehlo()
    except aiosmtplib.SMTPHeloError:
        await client.helo()


async def ping(settings: NotificationSettings) -> None:
    """Raises MailServerAway unless connecting and authenticating succeed."""
    client = await connect(settings)
    client.close()


def is_lost(error: BaseException) -> bool:
    """Whether the connection ended, or the server says that it closes it (421): that is about no mail."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return all(one.code == SERVICE_CLOSING for one in error.recipients)
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return error.code == SERVICE_CLOSING
    return isinstance(error, OSError) and not isinstance(error, TimeoutError)


def told_by(error: BaseException) -> str:
    """Returns what an error says."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        error = error.recipients[0]
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return f"{error.code} {error.message}"
    return str(error) or repr(error)


def refusal_of(error: BaseException) -> MailRefused:
    """Classifies an SMTP error: a 5xx about the mail is permanent, one about sender or authentication is temporary."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        error = error.recipients[0]
    if isinstance(error, (aiosmtplib.SMTPSenderRefused, aiosmtplib.SMTPAuthenticationError)):
        return MailRefused(f"{error.code} {error.message}", is_permanent=False)
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return MailRefused(f"{error.code} {error.message}", is_permanent=500 <= error.code < 600)
    is_permanent = isinstance(error, aiosmtplib.SMTPNotSupported)
    return MailRefused(told_by(error), is_permanent=is_permanent, is_answer=is_permanent)
