"""Reports about mails of ours: only one that names the mail and its recipient proves anything."""

from email import message_from_string, policy
from email.message import EmailMessage
from uuid import UUID

import pytest

from services.intake.mail.own_addresses import OwnAddresses
from services.intake.mail.parsing.parser import read_mail
from services.intake.mail.routing.bounces import BounceProofs, proved_bounces
from shared.contracts.base import TicketId
from shared.contracts.events import MailBounced
from shared.kit.auth import MailAudience, MailThreads
from shared.kit.clock import new_id, utc_now
from shared.kit.return_paths import ReturnPaths
from shared.kit.settings import MailingSettings
from tests.services.intake.api.test_submitting import announced
from tests.services.intake.mail.post_office import PostOffice

DANA = "dana@bank.example"
SUPPORT = "support@everdesk.example"
SETTINGS = MailingSettings.model_validate(
    {"link_secret": "a-secret-only-for-tests", "database_url": "postgresql://none", "mail_from": SUPPORT}
)
THREADS, PATHS = MailThreads(SETTINGS, "everdesk.example"), ReturnPaths(SETTINGS)
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


def proved(mail: EmailMessage, sender: str | None = "", to: tuple[str, ...] = (SUPPORT,)) -> list[MailBounced]:
    read = read_mail(mail.as_bytes(), envelope_sender=sender)
    return list(proved_bounces(BounceProofs(THREADS, PATHS), read, to, utc_now()))


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


def test_only_a_report_to_the_mail_s_own_envelope_sender_is_proved() -> None:
    """Whoever has seen the Message-ID can write a report about it, and has not seen the envelope sender."""
    ours, another = sent_to(DANA), sent_to(DANA)
    own = PATHS.sender_of(ours)
    assert own.startswith("support+bounce-")
    assert len(own.partition("@")[0]) <= 64
    altered = own.replace("bounce-", "bounce-a", 1)
    for to, is_proved in (
        ((own,), True),
        ((own.upper(),), True),
        ((SUPPORT, own), True),
        ((SUPPORT,), False),
        ((PATHS.sender_of(another),), False),
        ((altered[:30] + altered[31:],), False),
        (("support+bounce-@everdesk.example", "support+bounce-\u00e9@everdesk.example"), False),
        ((), False),
    ):
        (found,) = proved(report(ours), to=to)
        assert found.is_proved is is_proved, to


def test_an_envelope_sender_is_ours_and_names_no_topic() -> None:
    own, sender = OwnAddresses(frozenset({SUPPORT})), PATHS.sender_of(sent_to(DANA))
    assert own.has(sender)
    assert own.topic_in([sender]) is None
    assert own.topic_in([sender, "support+bounce-house@everdesk.example"]) == "bounce-house"


def test_an_envelope_sender_is_the_same_whatever_servers_make_of_the_message_id() -> None:
    ours = sent_to(DANA)
    changed = ours.upper().replace("EVERDESK.EXAMPLE", "relay.example")
    assert PATHS.sender_of(changed) == PATHS.sender_of(ours)


def test_a_report_that_shouts_the_address_is_announced_without_it() -> None:
    shouting = report(sent_to(DANA), Diagnostic_Code=f"smtp; 550 5.1.1 {DANA.upper()} is unknown")
    (found,) = proved(shouting)
    assert "dana" not in found.reason.lower()


@pytest.mark.parametrize("is_proved", [True, False])
async def test_it_is_announced_whether_a_report_came_to_the_mail_s_own_envelope_sender(
    post: PostOffice, *, is_proved: bool
) -> None:
    ticket = await post.opened()
    named = post.answers(ticket)
    to = ReturnPaths(post.settings).sender_of(named) if is_proved else SUPPORT
    row = await post.deliver(report(named, final=ticket.requester_email), sender="", to=(to,))
    assert row.ticket_id == ticket.id
    told = MailBounced.of(await announced(post.intake, f"{MailBounced.type()}.{ticket.id}"))
    assert told.is_proved is is_proved


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
