"""What is said over an open SMTP connection: commands together where the server takes them so (RFC 2920)."""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, cast

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPReadTimeoutError,
    SMTPRecipientRefused,
    SMTPRecipientsRefused,
    SMTPResponse,
    SMTPResponseException,
    SMTPSenderRefused,
    SMTPServerDisconnected,
)
from aiosmtplib.email import quote_address

from services.notification.errors import MailWithheld
from shared.kit.addresses import is_plain

OK, WILL_FORWARD, START_INPUT, SERVICE_CLOSING = 250, 251, 354, 421
DATA = b"DATA\r\n"
MALFORMED = -1
"""No code of a server, so that no mail is given up for an answer that is not understood."""
MOST_BYTES = 32_768
"""Of one answer: a server that says more is not understood."""
DialogueFailure = SMTPResponseException | SMTPServerDisconnected | SMTPReadTimeoutError
_CONTROLS = dict.fromkeys((*range(0x20), 0x7F), " ")


@dataclass(slots=True, eq=False)
class OutgoingMail:
    """One mail as it is handed over: its content, and the two addresses of its envelope."""

    message: bytes
    """Every line ended by CRLF, whichever ends they had."""
    address: str
    sender: str

    def __post_init__(self) -> None:
        self.message = _lines_of(self.message)


class ContentGate(Protocol):
    """Says when the content of a mail may follow its envelope."""

    async def may_follow(self) -> bool:
        """Waits for what must be so before; False if the mail must not be taken."""


class SmtpDialogue(asyncio.Protocol):
    """Takes over the connection that a client has opened, secured and signed in over; the client says no more."""

    def __init__(self, client: SMTP, timeout: float, *, may_pipeline: bool = True) -> None:
        """`timeout` is how many seconds each answer may take.

        Unless it `may_pipeline`, every command waits for the answer to the one before, whatever the server offers.
        """
        self._transport = cast("asyncio.Transport", client.transport)
        self._is_pipelining = may_pipeline and client.supports_extension("pipelining")
        self._wants_size = client.supports_extension("size")
        self._timeout = timeout
        self._lines = bytearray()
        self._said: list[str] = []
        self._said_bytes = 0
        self._replies: deque[SMTPResponse] = deque()
        self._awaited = 0
        """Answers that are still to come: what is said unasked, such as that the server will close, is passed over."""
        self._ahead: OutgoingMail | None = None
        """The mail whose envelope is said already; its answers are not read yet."""
        self._failure: DialogueFailure | None = None
        self._loop = asyncio.get_running_loop()
        self._news: asyncio.Future[None] | None = None
        """While an answer is awaited."""
        self._answer_by = 0.0
        self._silence: asyncio.TimerHandle | None = None
        self._transport.set_protocol(self)

    @property
    def is_open(self) -> bool:
        """Whether it can go on: not if the server is in the middle of saying something unasked."""
        is_in_step = self._ahead is not None or not (self._lines or self._said or self._awaited or self._replies)
        return is_in_step and self._failure is None and not self._transport.is_closing()

    @property
    def ahead(self) -> OutgoingMail | None:
        """The mail whose envelope is said already: the server takes no other one now."""
        return self._ahead

    def close(self) -> None:
        """Ends the connection without a word; what of a mail has not left yet does not leave."""
        if self._silence is not None:
            self._silence.cancel()
        self._transport.abort()

    async def say_envelope(self, mail: OutgoingMail) -> None:
        """Says who writes to whom, unless that is said already; returns when the server waits for the content.

        Raises SMTPSenderRefused, SMTPRecipientsRefused, SMTPDataError, SMTPServerDisconnected, SMTPReadTimeoutError.
        """
        commands = self._envelope(mail)
        was_said, self._ahead = self._ahead is not None, None
        try:
            if was_said:
                await self._hear(commands, mail)
                return
            for together in [commands] if self._is_pipelining else [[command] for command in commands]:
                self._write(together)
                await self._hear(together, mail)
        except (SMTPResponseException, SMTPRecipientsRefused):
            await self._begin_anew()
            raise

    async def send_content(
        self, mail: OutgoingMail, gate: ContentGate | None = None, following: OutgoingMail | None = None
    ) -> str:
        """Sends the content of the mail whose envelope was said; returns what the server said when it took it.

        The server takes the mail only with its content, which follows when `gate` lets it. The envelope of the mail
        `following` goes with it in one piece (RFC 2920 lets content be first of several commands), and stands
        whatever the server says of this one.

        Raises SMTPDataError, SMTPServerDisconnected, SMTPReadTimeoutError, and MailWithheld if `gate` did not let it
        follow: then the connection is closed, and the server has only the envelope, of which it keeps nothing.
        """
        if gate is not None:
            await self._until_let_through(gate)
        commands = [_as_sent(mail.message) + b".\r\n"]
        ahead = following if self._is_pipelining else None
        self._write([*commands, *self._envelope(ahead)] if ahead else commands)
        [taken] = await self._answers(commands)
        self._ahead = ahead if self._failure is None else None
        if taken.code != OK:
            await self._begin_anew()
            raise SMTPDataError(taken.code, taken.message)
        return taken.message

    def _envelope(self, mail: OutgoingMail) -> list[bytes]:
        octets = len(mail.message)  # without the dots that only the way needs (RFC 1870)
        size = f" size={octets}" if self._wants_size else ""
        sender, recipient = f"MAIL FROM:{_quoted(mail.sender)}{size}", f"RCPT TO:{_quoted(mail.address)}"
        return [_command(sender), _command(recipient), DATA]

    async def _until_let_through(self, gate: ContentGate) -> None:
        try:
            may_follow = await gate.may_follow()
        except BaseException:
            self.close()
            raise
        if not may_follow:
            self.close()
            raise MailWithheld

    async def reset(self) -> None:
        """Forgets a mail half sent. Raises SMTPResponseException, SMTPServerDisconnected, SMTPReadTimeoutError."""
        commands = [_command("RSET")]
        self._write(commands)
        [answer] = await self._answers(commands)
        if answer.code != OK:
            raise SMTPResponseException(answer.code, answer.message)

    async def say_together(self) -> None:
        """Says two commands at once that change nothing, whatever the server offers.

        Raises SMTPResponseException, SMTPServerDisconnected, SMTPReadTimeoutError unless both are answered.
        """
        commands = [_command("RSET"), _command("NOOP")]
        self._write(commands)
        await self._answers(commands)

    async def _hear(self, commands: Sequence[bytes], mail: OutgoingMail) -> None:
        """Reads the answers to what comes before a content. Raises what the first one means that is no consent."""
        answers: list[SMTPResponse] = []
        try:
            await self._answers(commands, answers)
        except (OSError, SMTPResponseException):
            _judge(commands, answers, mail)  # what was said before says more
            raise
        try:
            _judge(commands, answers, mail)
        except (SMTPResponseException, SMTPRecipientsRefused):
            if answers[-1].code == START_INPUT:
                self.close()  # it waits for a mail all the same, and would take what comes next for one
            raise

    async def _begin_anew(self) -> None:
        """Forgets the mail that was refused; a connection on which that fails is of no more use."""
        if not self.is_open or self._ahead is not None:
            return
        try:
            await self.reset()
        except (OSError, SMTPResponseException):
            self.close()

    def _write(self, commands: Sequence[bytes]) -> None:
        """Says them in one breath. Raises SMTPServerDisconnected or what else ended the connection."""
        if not self.is_open:
            raise self._failure or SMTPServerDisconnected("Connection lost")
        self._awaited += len(commands)
        self._transport.write(b"".join(commands))

    async def _answers(
        self, commands: Sequence[bytes], answers: list[SMTPResponse] | None = None
    ) -> list[SMTPResponse]:
        """Returns what the server says to them; the answers are added to `answers` as they come.

        Unless each is answered the connection is of no more use: a late answer would be taken for that of the next.
        421 says the same, whatever was to be answered after it.
        """
        answers = [] if answers is None else answers
        try:
            while len(answers) < len(commands):
                answers.append(await self._reply())
                if answers[-1].code == SERVICE_CLOSING:
                    self._fail(SMTPServerDisconnected("the server has closed its service"))
                    break
        except BaseException:
            self.close()
            raise
        return answers

    async def _reply(self) -> SMTPResponse:
        if not self._replies:
            self._answer_by = self._loop.time() + self._timeout
            if self._silence is None:
                self._silence = self._loop.call_at(self._answer_by, self._note_silence)
            await self._until_answered()
        return self._replies.popleft()

    async def _until_answered(self) -> None:
        while not self._replies:
            if self._failure is not None:
                raise self._failure
            self._news = self._loop.create_future()
            try:
                await self._news
            finally:
                self._news = None

    def _note_silence(self) -> None:
        """Looks whether an answer is late: one timer, for one for each answer costs more than reading it."""
        self._silence = None
        if self._news is None:
            return
        if self._loop.time() < self._answer_by:
            self._silence = self._loop.call_at(self._answer_by, self._note_silence)
        else:
            self._fail(SMTPReadTimeoutError("Timed out waiting for server response"))

    # -- what the connection tells ------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        """Some of the server's answers."""
        self._lines += data
        *lines, rest = bytes(self._lines).split(b"\n")
        self._lines = bytearray(rest)
        for line in lines:
            if self._failure is None:
                self._take(line)
        if self._said_bytes + len(rest) > MOST_BYTES:
            self._fail(SMTPResponseException(MALFORMED, "the answer is too long"))
        self._tell()

    def _take(self, line: bytes) -> None:
        """One line: the last of an answer has no hyphen after its code."""
        self._said_bytes += len(line)
        if self._said_bytes > MOST_BYTES:
            self._fail(SMTPResponseException(MALFORMED, "the answer is too long"))
            return
        if not line[:3].strip().isdigit():
            self._fail(SMTPResponseException(MALFORMED, "the answer is not understood"))
            return
        self._said.append(line[4:].decode("utf-8", "replace").translate(_CONTROLS).strip())
        if line[3:4] == b"-":
            return
        code, said = int(line[:3]), "\n".join(self._said)
        self._said, self._said_bytes = [], 0
        if self._awaited:
            self._awaited -= 1
            self._replies.append(SMTPResponse(code, said))
        elif code == SERVICE_CLOSING:
            self._fail(SMTPServerDisconnected(f"{code} {said}"))

    def eof_received(self) -> None:
        """The server has ended the connection."""
        self._fail(SMTPServerDisconnected("Unexpected EOF received"))

    def connection_lost(self, error: Exception | None) -> None:
        """The connection is no more."""
        self._fail(SMTPServerDisconnected("Connection lost" if error is None else f"Connection lost: {error}"))

    def _fail(self, failure: DialogueFailure) -> None:
        self._failure = self._failure or failure
        self.close()
        self._tell()

    def _tell(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)


@lru_cache(maxsize=256)
def _quoted(address: str) -> str:
    """Returns an address as an envelope names it. Raises ValueError for one that would end its command."""
    return f"<{address}>" if is_plain(address) else quote_address(address)


def _command(words: str) -> bytes:
    """Raises ValueError for what would be another command."""
    if not words.isprintable():
        raise ValueError("an address holds a control character")
    return words.encode("ascii") + b"\r\n"


def _judge(commands: Sequence[bytes], answers: Sequence[SMTPResponse], mail: OutgoingMail) -> None:
    for command, answer in zip(commands, answers, strict=False):
        match command[:4]:
            case b"MAIL" if answer.code != OK:
                raise SMTPSenderRefused(answer.code, answer.message, mail.sender)
            case b"RCPT" if answer.code not in (OK, WILL_FORWARD):
                raise SMTPRecipientsRefused([SMTPRecipientRefused(answer.code, answer.message, mail.address)])
            case b"DATA" if answer.code != START_INPUT:
                raise SMTPDataError(answer.code, answer.message)


def _lines_of(message: bytes) -> bytes:
    """Every line ended by CRLF, whichever ends it had."""
    ends = message.count(b"\r\n")
    if not (message.endswith(b"\r\n") and ends == message.count(b"\n") == message.count(b"\r")):  # as ours do
        message = message.replace(b"\r\n", b"\n").replace(b"\r", b"\n").removesuffix(b"\n") + b"\n"
        message = message.replace(b"\n", b"\r\n")
    return message


def _as_sent(lines: bytes) -> bytes:
    """With a dot more before each line that begins with one."""
    dotted = lines.replace(b"\r\n.", b"\r\n..")
    return b"." + dotted if dotted.startswith(b".") else dotted
