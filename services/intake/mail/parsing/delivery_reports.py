"""What a mail server's report (RFC 3464) says of each recipient; pure, and bounded like all that reads mails."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from services.intake.mail.parsing.mail_attachments import MailAttachment

REPORT_TYPES = ("message/delivery-status", "message/global-delivery-status")
MAX_BYTES = 65_536
MAX_RECIPIENTS = 50
_FOLDED = re.compile(r"\r?\n[ \t]+")
_GROUPS = re.compile(r"\r?\n[ \t]*\r?\n")
_FIELD = re.compile(r"^([A-Za-z-]{1,40})[ \t]*:[ \t]*(.*)$", re.MULTILINE)
_CODE = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")
_NO_MAILBOX = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
"""No such mailbox, domain or syntax of an address; moved for good; disabled (RFC 3463). A full one is none of these."""


@dataclass(frozen=True, slots=True)
class FailedRecipient:
    """Somebody whom a mail did not reach, and will not."""

    addresses: tuple[str, ...]
    """Where it failed, and where it was sent to, if the report tells them apart."""
    status: str
    """The enhanced status code."""
    reason: str
    """What the mail server said."""

    @property
    def is_permanent(self) -> bool:
        """Whether no other mail would arrive either."""
        return self.status in _NO_MAILBOX


def failed_recipients(files: tuple[MailAttachment, ...]) -> tuple[FailedRecipient, ...]:
    """Returns the recipients whom the reports among a mail's parts name as failed."""
    reports = (one.content[:MAX_BYTES].decode("utf-8", "replace") for one in files if one.media_type in REPORT_TYPES)
    found = (one for report in reports for one in _failed_in(report))
    return tuple(one for one, _ in zip(found, range(MAX_RECIPIENTS), strict=False))


def _failed_in(report: str) -> Iterator[FailedRecipient]:
    for group in _GROUPS.split(report):
        fields = {name.lower(): value.strip() for name, value in _FIELD.findall(_FOLDED.sub(" ", group))}
        typed = (fields.get(name, "") for name in ("final-recipient", "original-recipient"))
        addresses = tuple(dict.fromkeys(address for one in typed if (address := _untyped(one))))
        if addresses and fields.get("action", "").lower() == "failed":
            reason = _untyped(fields.get("diagnostic-code", ""))
            yield FailedRecipient(addresses, _status(fields.get("status", ""), reason), reason[:500])


def _untyped(value: str) -> str:
    """Returns the value of a field that begins with its type, such as `rfc822; name@example.org`."""
    kind, found, rest = value.partition(";")
    return (rest if found else kind).strip().strip("<>")


def _status(told: str, reason: str) -> str:
    """Returns the code; the server's own words tell more than a code of which nothing is said."""
    code = _CODE.search(told)
    said = _CODE.search(reason)
    is_vague = code is None or code[0].endswith(".0.0") or code[0].endswith(".0")
    chosen = said if said and is_vague else code
    return chosen[0] if chosen else "5.0.0"
