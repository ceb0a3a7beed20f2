"""Reports about mails of ours: only one that names the mail and its recipient proves anything."""

from email import message_from_string, policy
from email.message import EmailMessage
from uuid import UUID

import pytest

from services.intake.mail.parsing.parser import read_mail
from services.intake.mail.routing.bounces import proved_bounces
from shared.contracts.base import TicketId
from shared.contracts.events import MailBounced
from shared.kit.auth import MailAudience, MailThreads
from shared.kit.clock import new_id, utc_now
from shared.kit.settings import Settings
from tests.services.intake.api.test_submitting import announced
from tests.services.intake.mail.post_office import PostOffice

DANA = "dana@bank.example"
THREADS = MailThreads(Settings.model_validate({"link_secret": "a-secret-only-for-tests"}), "everdesk.example")
TICKET = TicketId(UUID(str(new_id())))


def report(message_id: str, final: str = DANA, status: str = "5.1.1", **fields: str) -> EmailMessage:
    """A mail server's report that returns the header of the mail."""
    given = {
        "Final-Recipient": f"rfc822; {final}",
        "Action": "failed",
        "Status": status,
        "Diagnostic-Code": f"smtp; 550 {status} <{final}>: no such\n  user",
    } | {name.replace("_", "-"): value for name, value in fields.items()}
    groups = ["Reporting-MTA: dns; mx.bank.example", "\n".join(f"{name}: {value}" for name, value in given.items())]
    raw = (
        "From: MAILER-DAEMON@mx.bank.example\nTo: support@everdesk.example\nSubject: Undelivered Mail\n"
        f"Message-ID: <{new_id()}@mx.bank.example>\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n'
        "--b\nContent-Type: text/plain\n\nSorry.\n"
        "--b\nContent-Type: message/delivery-status\n\n" + "\n\n".join(groups) + "\n"
        f"--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: {message_id}\nSubject: Your ticket\n\n--b--\n"
    )
    return message_from_string(raw, EmailMessage, policy=policy.default)


def sent_to(address: str, audience: MailAudience = MailAudience.REQUESTER) -> str:
    return THREADS.message_id(TICKET, new_id(), audience, address)


def proved(mail: EmailMessage, sender: str | None = "") -> list[MailBounced]:
    return list(proved_bounces(THREADS, read_mail(mail.as_bytes(), envelope_sender=sender), utc_now()))


@pytest.mark.parametrize(
    ("status", "diagnostic", "is_permanent"),
    [
        ("5.1.1", "smtp; 550 5.1.1 unknown", True),
        ("5.1.10", "smtp; 550 5.1.10 RecipientNotFound", True),
        ("5.2.1", "smtp; 550 5.2.1 disabled", True),
        ("5.0.0", "smtp; 550 5.1.1 unknown", True),
        ("5.2.2", "smtp; 552 5.2.2 mailbox full", False),
        ("5.7.1", "smtp; 550 5.7.1 rejected by policy", False),
        ("5.0.0", "smtp; 554 no", False),
    ],
)
def test_only_a_missing_mailbox_is_for_good(status: str, diagnostic: str, *, is_permanent: bool) -> None:
    (found,) = proved(report(sent_to(DANA), status=status, Diagnostic_Code=diagnostic))
    assert found.is_permanent is is_permanent


@pytest.mark.parametrize("audience", list(MailAudience))
def test_a_forwarded_address_is_recognised_as_the_one_we_wrote_to(audience: MailAudience) -> None:
    mail = report(
        sent_to(DANA, audience), final="d.ruiz@elsewhere.example", Original_Recipient="rfc822;Dana@Bank.Example"
    )
    (found,) = proved(mail)
    assert (found.status, found.is_permanent) == ("5.1.1", True)
    assert "elsewhere.example" not in found.reason


def test_what_proves_nothing_marks_nobody() -> None:
    altered = sent_to(DANA).replace("t.", "t.a", 1)
    assert proved(report(sent_to("other@bank.example"))) == [], "a mail to somebody else"
    assert proved(report(altered)) == [], "an id that we did not make"
    assert proved(report(THREADS.thread_id(TICKET))) == [], "an id that all mails of the ticket have"
    assert proved(report(sent_to(DANA)), sender="mallory@evil.example") == [], "a person wrote it"
    for action in ("delayed", "relayed", "delivered", "expanded"):
        assert proved(report(sent_to(DANA), Action=action)) == [], action


def test_a_report_that_shouts_the_address_is_announced_without_it() -> None:
    shouting = report(sent_to(DANA), Diagnostic_Code=f"smtp; 550 5.1.1 {DANA.upper()} is unknown")
    (found,) = proved(shouting)
    assert "dana" not in found.reason.lower()


async def test_a_bounce_is_announced_without_the_address(post: PostOffice) -> None:
    ticket = await post.opened()
    named = post.answers(ticket)
    row = await post.deliver(report(named, final=ticket.requester_email), sender="")
    assert row.ticket_id == ticket.id
    event = await announced(post.intake, f"{MailBounced.type()}.{ticket.id}")
    told = MailBounced.of(event)
    assert (told.is_permanent, told.status) == (True, "5.1.1")
    assert "the recipient" in told.reason
    assert ticket.requester_email not in event.model_dump_json()
