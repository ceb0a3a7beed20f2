"""Who or what wrote a mail: a person, a machine that must not be answered, or we ourselves."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from services.intake.mail.parsing.addresses import MailAddress
from services.intake.mail.parsing.header_fields import Header


class Authorship(StrEnum):
    """What kind of mail it is, the first that fits."""

    LOOP = "loop"
    """Our own mail coming back."""
    BOUNCE = "bounce"
    """A mail of ours could not be delivered, or not yet."""
    LIST = "list"
    """Sent to many."""
    AUTO_REPLY = "auto_reply"
    """Written by a program: an absence, a receipt, another help desk."""
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class MailHeaders:
    """What the rules look at."""

    header: Header
    message_id: str | None
    sender: MailAddress | None
    subject: str
    media_type: str
    report_type: str
    return_path: str | None
    """Empty for `<>`; None if nothing is known of it."""
    own_domain: str

    @property
    def sender_mailbox(self) -> str:
        """The part before the @, in lower case."""
        return self.sender.address.rpartition("@")[0].lower() if self.sender else ""


Rule = Callable[[MailHeaders], bool]
HOPS = 50
"""Servers a mail passes before it is taken to go round in circles."""


def _field(name: str, *values: str) -> Rule:
    """Whether a field is there and holds one of these words; any value will do if none is named."""

    def rule(mail: MailHeaders) -> bool:
        value = mail.header.plain(name).lower()
        given = {word.strip() for word in re.split(r"[,;\s]+", value)}
        return name in mail.header and (not values or not given.isdisjoint(values))

    return rule


def _subject(pattern: re.Pattern[str]) -> Rule:
    return lambda mail: pattern.search(mail.subject[:200]) is not None


def _mailbox(*names: str) -> Rule:
    return lambda mail: mail.sender_mailbox in names


def _has_null_path(mail: MailHeaders) -> bool:
    return mail.return_path == ""


def _is_report(*kinds: str) -> Rule:
    return lambda mail: mail.media_type == "multipart/report" and mail.report_type in kinds


def _is_of_our_domain(mail: MailHeaders) -> bool:
    """Whether its Message-ID has the domain of ours: a company's other programs make such ids too."""
    domain = mail.own_domain.lower()
    return bool(domain and mail.message_id and mail.message_id.lower().endswith(f"@{domain}>"))


def _is_answered_by_a_program(mail: MailHeaders) -> bool:
    value = mail.header.plain("auto-submitted").lower().partition(";")[0].strip()
    return bool(value) and value != "no"


_BULK = ("bulk", "junk", "auto_reply", "auto-reply")
_BOUNCED = re.compile(
    r"^(?:undeliver(?:ed|able)|undelivered mail|delivery (?:status notification|failure|has failed)|mail delivery "
    r"(?:failed|failure|system)|failure notice|returned mail|nicht zustellbar|unzustellbar|non remis|"
    r"message non délivré|no se puede entregar|devuelto)",
    re.IGNORECASE,
)
_AUTO = re.compile(
    r"^(?:out of (?:the )?office|auto(?:matic|mated)?[ -]?(?:reply|response|answer)|automatische (?:antwort|nachricht)|"
    r"abwesenheits|abwesend|réponse automatique|absence du bureau|respuesta automática|risposta automatica|"
    r"fuori sede|resposta automática|automatisch antwoord|autosvar|automaattinen vastaus|自动回复|自動回覆|自動応答)",
    re.IGNORECASE,
)
BOUNCE_SUBJECT, AUTO_SUBJECT = _subject(_BOUNCED), _subject(_AUTO)
_ROBOTS = frozenset({"mailerdaemon", "nobody", "autoreply", "autoresponder", "bounce", "bounces", "robot"})
_NO_REPLY = (
    *("noreply", "donotreply", "dontreply", "noreplies", "noresponse", "nepasrepondre", "noresponder"),
    *("norespond", "nichtantworten", "keineantwort", "naoresponda", "norispondere", "nonrispondere", "nietantwoorden"),
)
STRONG: tuple[tuple[Authorship, Rule], ...] = (
    (Authorship.LOOP, lambda mail: any(name.startswith("x-everdesk") for name, _ in mail.header.fields)),
    (Authorship.LOOP, lambda mail: sum(name == "received" for name, _ in mail.header.fields) > HOPS),
    (Authorship.BOUNCE, _field("x-failed-recipients")),
    (Authorship.BOUNCE, _mailbox("mailer-daemon")),
    (Authorship.BOUNCE, _is_report("delivery-status")),
    (Authorship.LIST, _field("list-id")),
    (Authorship.LIST, _field("list-unsubscribe")),
    (Authorship.LIST, _field("list-post")),
    (Authorship.LIST, _field("mailing-list")),
    (Authorship.LIST, _field("precedence", "list")),
    (Authorship.LIST, _field("x-precedence", "list")),
    (Authorship.AUTO_REPLY, _is_answered_by_a_program),
    (Authorship.AUTO_REPLY, _field("precedence", *_BULK)),
    (Authorship.AUTO_REPLY, _field("x-precedence", *_BULK)),
    (Authorship.AUTO_REPLY, _field("x-auto-response-suppress", "all", "autoreply")),
    (Authorship.AUTO_REPLY, _field("x-autoreply")),
    (Authorship.AUTO_REPLY, _field("x-auto-reply-from")),
    (Authorship.AUTO_REPLY, _field("x-autorespond")),
    (Authorship.AUTO_REPLY, _field("x-autoresponder")),
    (Authorship.AUTO_REPLY, _field("x-mail-autoreply")),
    (Authorship.AUTO_REPLY, _field("x-autogenerated")),
    (Authorship.AUTO_REPLY, _is_report("disposition-notification", "feedback-report")),
    (Authorship.AUTO_REPLY, _has_null_path),
)
"""One of these is proof enough."""
WEAK: tuple[Rule, ...] = (
    AUTO_SUBJECT,
    BOUNCE_SUBJECT,
    lambda mail: is_robot(mail.sender_mailbox) or mail.sender_mailbox == "postmaster",
    _field("x-auto-response-suppress"),
    _has_null_path,
    _is_of_our_domain,
)
"""People cause these too; two together mean a machine, which still opens a ticket."""


def authorship_of(mail: MailHeaders) -> Authorship:
    """The kind of a mail, by what its header says; a subject alone never decides."""
    proven = {nature for nature, rule in STRONG if rule(mail)}
    hints = sum(rule(mail) for rule in WEAK)
    if hints >= 2:
        is_bounce = BOUNCE_SUBJECT(mail) and (_has_null_path(mail) or mail.sender_mailbox == "postmaster")
        proven.add(Authorship.BOUNCE if is_bounce else Authorship.AUTO_REPLY)
    return next((nature for nature in Authorship if nature in proven), Authorship.PERSON)


def is_delivery_report(mail: MailHeaders) -> bool:
    """Whether it is beyond doubt a mail server's report: from a null sender, in a form that only reports have."""
    is_plain = mail.sender_mailbox == "mailer-daemon" and BOUNCE_SUBJECT(mail)
    is_report = _is_report("delivery-status")(mail) or _field("x-failed-recipients")(mail) or is_plain
    return _has_null_path(mail) and is_report


def is_robot(mailbox: str) -> bool:
    """Whether a mailbox (the part before the @) says that nobody reads it, as `noreply` does."""
    letters = re.sub(r"[^a-z]", "", mailbox.lower().partition("+")[0])
    return letters in _ROBOTS or any(word in letters for word in _NO_REPLY)


def has_automatic_subject(subject: str) -> bool:
    """Whether a subject begins as those of absence notes and bounces do."""
    return bool(_AUTO.search(subject[:200]) or _BOUNCED.search(subject[:200]))
