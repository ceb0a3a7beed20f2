"""Which mails went out, from the ledger and from the mailboxes, compared with those that should have."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from deploy.demo.checks import StepFailed, until
from deploy.demo.clients import Ledger, MailSink

Expected = Counter[tuple[str, str]]
"""How many mails of each (template, address)."""
SENT = "sent"


@dataclass(frozen=True, slots=True)
class SentMails:
    """One mail as the mailbox shows it; `template` is empty where no ledger could be read."""

    template: str
    address: str
    subject: str
    message_id: str


def in_ledger(deliveries: Iterable[Mapping[str, Any]]) -> Expected:
    """What the ledger says was sent; anything not sent counts under its state."""
    return Counter(
        (one["template"] if one["status"] == SENT else f"{one['template']} ({one['status']})", str(one["address"]))
        for one in deliveries
    )


def per_address(expected: Expected) -> Counter[str]:
    """How many mails each mailbox gets."""
    counts: Counter[str] = Counter()
    for (_, address), count in expected.items():
        counts[address] += count
    return counts


def recipients(mails: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """How many mails each address received."""
    return Counter(str(to["Address"]) for mail in mails for to in mail["To"])


def repeated(mails: Iterable[Mapping[str, Any]]) -> list[str]:
    """The Message-IDs that arrived more than once."""
    return [name for name, count in Counter(str(mail["MessageID"]) for mail in mails).items() if count > 1]


async def check(
    ticket: Mapping[str, Any], expected: Expected, ledger: Ledger | None, mail: MailSink | None
) -> list[SentMails]:
    """Waits until exactly the expected mails have gone out, each once. Raises StepFailed otherwise."""
    deliveries: list[dict[str, Any]] = []
    if ledger is not None:
        await until(
            f"the ledger's mails about {ticket['number']}",
            lambda: _from_ledger(ledger, ticket["id"], deliveries),
            lambda seen: seen == expected,
            _listed(expected),
        )
    templates = {str(one["message_id"]).strip("<>"): str(one["template"]) for one in deliveries}
    if mail is None:
        return [SentMails(str(one["template"]), str(one["address"]), "", str(one["message_id"])) for one in deliveries]
    wanted = per_address(expected)
    arrived = await until(
        f"the mails about {ticket['number']} in the mailboxes",
        lambda: mail.about(ticket["number"]),
        lambda seen: recipients(seen) == wanted,
        _listed(wanted),
    )
    if again := repeated(arrived):
        raise StepFailed(f"the mails about {ticket['number']}", "every Message-ID once", again)
    return [
        SentMails(templates.get(one["MessageID"], ""), one["To"][0]["Address"], one["Subject"], one["MessageID"])
        for one in arrived
    ]


async def _from_ledger(ledger: Ledger, ticket_id: str, keep: list[dict[str, Any]]) -> Expected:
    keep[:] = await ledger.deliveries(ticket_id)
    return in_ledger(keep)


def _listed(expected: Mapping[Any, int]) -> str:
    return ", ".join(f"{count} x {' to '.join(k) if isinstance(k, tuple) else k}" for k, count in expected.items())
