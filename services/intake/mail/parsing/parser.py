"""Reads any mail: `read_mail` never raises, never loses anything, and needs bounded time and memory."""

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from lxml.etree import LxmlError

from services.intake.mail.parsing.addresses import MailAddress, addresses
from services.intake.mail.parsing.authentication import authenticated_by
from services.intake.mail.parsing.auto_reply_detection import Authorship, MailHeaders, authorship_of, is_delivery_report
from services.intake.mail.parsing.charset_hints import likely_charset
from services.intake.mail.parsing.charsets import CharsetContext
from services.intake.mail.parsing.content import MailContent, content_of
from services.intake.mail.parsing.delivery_reports import REPORT_TYPES, FailedRecipient, failed_recipients
from services.intake.mail.parsing.header_fields import Parameterised
from services.intake.mail.parsing.lines import Cutting, signer_of
from services.intake.mail.parsing.mail_attachments import MailAttachment
from services.intake.mail.parsing.mime import LONG_HEADER, MimePart, first_charset, parse
from services.intake.mail.parsing.thread_references import cited_ids, message_ids, ticket_number
from shared.contracts.vocabulary import BodyFormat

MAX_SUBJECT = 255
MAX_DEFECTS = 20
FAILURES = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    RecursionError,
    LxmlError,
)
"""What a library may raise on a mail nobody thought of; the tests and the fuzzing know of none that does."""
YEARS = range(1970, 2100)
"""Years a mail can be from."""
_SPACES = re.compile(r"[ \t]+")


@dataclass(frozen=True, slots=True)
class ReadMail:
    """What a mail says. Texts are clean: no NUL, no control characters but line end and tab, no lone surrogates."""

    message_id: str | None = None
    """In angle brackets, as in `in_reply_to`, `references` and `cited`."""
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    """Oldest first."""
    cited: tuple[str, ...] = ()
    """Of a bounce or report: the Message-IDs of the mails it is about."""
    ticket_number: str | None = None
    """From `[#number]` in the subject; anybody can write that, so it proves nothing."""
    sender: MailAddress | None = None
    reply_to: tuple[MailAddress, ...] = ()
    to: tuple[MailAddress, ...] = ()
    cc: tuple[MailAddress, ...] = ()
    subject: str = ""
    """One line of at most 255 characters; may be empty."""
    whole_subject: str = ""
    """The same uncut, if that is more."""
    sent_at: datetime | None = None
    """In UTC, as the sender's clock says."""
    text: str = ""
    """What the person wrote; may be empty."""
    html: str | None = None
    """The same as safe HTML, its own pictures as `cid:<content id>` (see `html.with_attachments`)."""
    quoted: str = ""
    """What was cut: quotes and signature, as text."""
    attachments: tuple[MailAttachment, ...] = ()
    nature: Authorship = Authorship.PERSON
    is_delivery_report: bool = False
    """Whether it is beyond doubt a mail server's report about another mail."""
    failed: tuple[FailedRecipient, ...] = ()
    """Whom a mail did not reach, if this is a report about it."""
    authenticated_by: str | None = None
    """The server that says, in the topmost Authentication-Results, that the mail is from the domain in `From`."""
    defects: tuple[str, ...] = ()
    """What was wrong with it, for people who look into it."""
    is_encrypted: bool = False
    """Whether all of it is, so that what it says is in one of its files."""
    is_readable: bool = True
    """If not, keep the mail itself with the ticket: there may be more in it than was understood."""

    @property
    def has_delivery_status(self) -> bool:
        """Whether it says in the form of RFC 3464 what became of another mail."""
        return any(one.media_type in REPORT_TYPES for one in self.attachments)

    @property
    def body_format(self) -> BodyFormat:
        """How `body` is written."""
        return BodyFormat.TEXT if self.html is None else BodyFormat.HTML

    @property
    def body(self) -> str:
        """What the person wrote, in the richest form."""
        return self.text if self.html is None else self.html

    @property
    def is_automatic(self) -> bool:
        """Whether a program wrote it: it is kept, but never answered and never reopens anything."""
        return self.nature is not Authorship.PERSON

    @property
    def thread_ids(self) -> tuple[str, ...]:
        """The Message-IDs of mails it may belong to, the most telling first."""
        nearest = (self.in_reply_to,) if self.in_reply_to else ()
        return tuple(dict.fromkeys((*nearest, *self.cited, *reversed(self.references))))


def read_mail(
    raw: bytes, *, own_domain: str = "", envelope_sender: str | None = None, is_opening: bool = False
) -> ReadMail:
    """What the mail says.

    `own_domain` is the domain of the Message-IDs we make; `envelope_sender` what the SMTP client gave as MAIL FROM,
    empty for `<>`. Of a mail that opens a ticket (`is_opening`) hardly anything is cut. Never
    raises: what cannot be read is marked so.
    """
    mail = ReadMail()
    try:
        root, defects = parse(raw)
        root.header = replace(root.header, around=CharsetContext(*likely_charset(root)))
        mail = _head(root, own_domain, envelope_sender)
        return _with_content(mail, root, defects, is_opening=is_opening)
    except FAILURES as error:
        return replace(mail, is_readable=False, defects=(f"unreadable: {type(error).__name__}",))


def _head(root: MimePart, own_domain: str, envelope_sender: str | None) -> ReadMail:
    header = root.header
    charset = first_charset(root)
    senders = next(
        (
            found
            for name in ("from", "sender", "reply-to", "return-path")
            if (found := addresses(header, name, charset))
        ),
        (),
    )
    whole_subject = _SPACES.sub(" ", header.text("subject", charset)).strip()
    subject = whole_subject[:MAX_SUBJECT].strip()
    ids = message_ids(header, "message-id")
    answered = message_ids(header, "in-reply-to")
    mail = ReadMail(
        message_id=ids[0] if ids else (header.plain("message-id")[:500] or None),
        in_reply_to=answered[0] if answered else None,
        references=message_ids(header, "references", "in-reply-to"),
        ticket_number=ticket_number(whole_subject),
        sender=senders[0] if senders else None,
        reply_to=addresses(header, "reply-to", charset),
        to=addresses(header, "to", charset),
        cc=addresses(header, "cc", charset),
        subject=subject,
        whole_subject=whole_subject if len(whole_subject) > MAX_SUBJECT else "",
        sent_at=_instant(header.plain("date")),
    )
    envelope = _envelope(root, mail, own_domain, envelope_sender)
    return replace(
        mail,
        nature=authorship_of(envelope),
        is_delivery_report=is_delivery_report(envelope),
        authenticated_by=authenticated_by(header),
    )


def _envelope(root: MimePart, mail: ReadMail, own_domain: str, envelope_sender: str | None) -> MailHeaders:
    path = envelope_sender
    if path is None and "return-path" in root.header:
        path = root.header.plain("return-path").strip("<> ")
    return MailHeaders(
        header=root.header,
        message_id=mail.message_id,
        sender=mail.sender,
        subject=mail.subject,
        media_type=root.content_type.value,
        report_type=root.content_type.parameters.get("report-type", "").lower(),
        return_path=path,
        own_domain=own_domain,
    )


def _with_content(mail: ReadMail, root: MimePart, defects: list[str], *, is_opening: bool) -> ReadMail:
    signer = signer_of(mail.sender.name, mail.sender.address) if mail.sender else frozenset[str]()
    content = content_of(root, defects, Cutting(is_opening, signer))
    is_report = mail.nature is Authorship.BOUNCE
    return replace(
        mail,
        text=content.text,
        html=content.html,
        quoted=content.quoted,
        cited=_cited(content) if is_report else (),
        failed=failed_recipients(content.files) if is_report else (),
        attachments=content.files,
        defects=tuple(dict.fromkeys(defects))[:MAX_DEFECTS],
        is_encrypted=_is_encrypted(root.content_type),
        is_readable=bool(root.header.fields) and LONG_HEADER not in defects,
    )


def _is_encrypted(content_type: Parameterised) -> bool:
    is_sealed = content_type.value.removeprefix("application/").removeprefix("x-") == "pkcs7-mime"
    is_only_signed = content_type.parameters.get("smime-type", "").lower() in ("signed-data", "certs-only")
    return content_type.value == "multipart/encrypted" or (is_sealed and not is_only_signed)


def _cited(content: MailContent) -> tuple[str, ...]:
    returned = [one.content for one in content.files if one.media_type.startswith(("message/", "text/rfc822-headers"))]
    return cited_ids((*returned, content.whole.encode("utf-8", "replace")))


def _instant(date: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(date[:100])
        in_utc = (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return in_utc if in_utc.year in YEARS else None
