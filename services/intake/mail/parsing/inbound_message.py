"""A mail that was read, as the desk will show it: who wrote, what, and what is kept beside it; pure."""

from dataclasses import dataclass, replace
from html import escape

from pydantic_core import to_json

from services.intake.mail.own_addresses import OwnAddresses
from services.intake.mail.parsing.auto_reply_detection import is_robot
from services.intake.mail.parsing.mail_attachments import MailAttachment
from services.intake.mail.parsing.parser import ReadMail
from shared.contracts.vocabulary import BodyFormat
from shared.kit.addresses import NOT_SERVED, is_reachable, readable_address

UNKNOWN = "nobody@unknown.invalid"
"""Stands for a sender who gave no usable address; no mail can reach it."""
MAX_BODY = 200 * 1024
"""Bytes of text that are shown; with more, the mail itself is kept as a file beside it."""
MAX_ESCAPED = 400 * 1024
"""Bytes of the same as JSON writes it, with the pictures' links in their final form: one event must carry it."""
MAX_QUOTED = 100 * 1024
PICTURE = "cid:"
PICTURE_LINK = 60
"""Bytes that a picture's link may grow by when it comes to name the file kept here."""
NO_SUBJECT = "(no subject)"
NO_TEXT = "(This mail has no text.)"
ENCRYPTED = "(This mail is encrypted. It can be read only by those who have the key; its content is kept as a file.)"
NOT_WRITABLE = "No mail can be sent to this address."
UNREADABLE = "This mail could not be read. It is kept as it came, in the file original.eml."
CUT = "[The rest is in the file original.eml.]"
ORIGINAL = "original.eml"


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """What is written into a ticket or a message."""

    sender: str
    """An address that can be written to, or UNKNOWN."""
    name: str
    subject: str
    body: str
    body_format: BodyFormat
    quoted: str
    files: tuple[MailAttachment, ...]

    @property
    def is_answerable(self) -> bool:
        """Whether anybody could be answered."""
        return self.sender != UNKNOWN

    def with_banner(self) -> "InboundMessage":
        """The same, saying first that its writer does not belong to the ticket."""
        return self.with_words_first(f"From {self.sender}, who is not part of this ticket:")

    def unverified(self) -> "InboundMessage":
        """The same, saying first that nobody vouches for its sender."""
        return self.with_words_first(f"Unverified mail from {self.sender}:")

    def on_behalf(self, mail: ReadMail, own: OwnAddresses) -> "InboundMessage":
        """From the person whom `Reply-To` names, if a contact form of ours or a robot sent it for them."""
        if not (own.has(self.sender) or is_robot(self.sender.rpartition("@")[0])):
            return self
        people = (
            one
            for one in mail.reply_to
            if is_reachable(one.address) and not own.has(one.address) and not is_robot(one.address.rpartition("@")[0])
        )
        person = next(people, None)
        if person is None:
            return self
        return replace(self, sender=person.address, name=person.name or person.address.partition("@")[0])

    def with_words_first(self, words: str) -> "InboundMessage":
        """The same with words of ours above it."""
        if self.body_format is BodyFormat.HTML:
            return replace(self, body=f"<p><em>{escape(words)}</em></p>\n{self.body}")
        return replace(self, body=f"{words}\n\n{self.body}")


def inbound_message_of(mail: ReadMail, raw: bytes, envelope_sender: str) -> InboundMessage:
    """The letter of a mail; if anything of it cannot be shown, the mail itself is one of its files."""
    sender, name = _sender_of(mail, envelope_sender)
    quoted = _cut(mail.quoted, MAX_QUOTED)
    body, body_format = mail.body, mail.body_format
    if _size(body) > MAX_BODY or _carried(body) > MAX_ESCAPED:
        body, body_format = f"{_cut(mail.text, MAX_BODY)}\n\n{CUT}", BodyFormat.TEXT
    if not mail.is_readable:
        body = f"{UNREADABLE}\n\n{body}".strip() if body_format is BodyFormat.TEXT else body
    is_whole = mail.is_readable and body is mail.body and quoted == mail.quoted
    original = () if is_whole else (MailAttachment(ORIGINAL, "message/rfc822", raw),)
    letter = InboundMessage(
        sender=sender,
        name=name,
        subject=mail.subject or NO_SUBJECT,
        body=body if body.strip() else ENCRYPTED if mail.is_encrypted else NO_TEXT,
        body_format=body_format,
        quoted=quoted,
        files=(*mail.attachments, *original),
    )
    if mail.whole_subject:
        letter = letter.with_words_first(f"Subject: {mail.whole_subject}")
    given = _given_sender(mail, envelope_sender)
    if not given.rpartition("@")[0].isascii():
        return letter.with_words_first(f"From {given}. {NOT_SERVED} Nobody is answered.")
    if given and not letter.is_answerable:
        return letter.with_words_first(f"From {given[:320]}. {NOT_WRITABLE} Nobody is answered.")
    return letter


def _sender_of(mail: ReadMail, envelope_sender: str) -> tuple[str, str]:
    given = _given_sender(mail, envelope_sender)
    address = readable_address(given) or UNKNOWN
    name = mail.sender.name if mail.sender and mail.sender.name else given.partition("@")[0]
    return address, name or "Unknown sender"


def _given_sender(mail: ReadMail, envelope_sender: str) -> str:
    return mail.sender.address if mail.sender else envelope_sender


def is_writable(address: str) -> bool:
    """Whether a mail could be addressed so."""
    return readable_address(address) is not None


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _carried(body: str) -> int:
    return len(to_json(body)) + body.count(PICTURE) * PICTURE_LINK


def _cut(text: str, most: int) -> str:
    return text if _size(text) <= most else text.encode("utf-8", "replace")[:most].decode("utf-8", "ignore")
