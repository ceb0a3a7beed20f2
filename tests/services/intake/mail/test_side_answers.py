"""Answers of third parties stay beside the ticket, and nobody else gets in by them."""

from uuid import UUID

import pytest

from services.intake.models import RawMailState, Ticket
from shared.contracts.base import TicketId
from shared.contracts.events import SideMessageReceived
from shared.kit.auth import MailAudience
from shared.kit.clock import new_id
from shared.kit.return_paths import ReturnPaths
from tests.attack.test_staff_by_mail import export_of, page_of
from tests.services.intake.api.test_submitting import announced
from tests.services.intake.commands.test_merged_tickets import merged
from tests.services.intake.mail.post_office import PostOffice, letter
from tests.services.intake.mail.test_bounces import report

SUPPLIER = "sam@supplier.example"
SECRET = "The customer never paid for the line."


def sent_beside(post: PostOffice, ticket: Ticket, message_id: UUID) -> str:
    """The Message-ID of an agent's mail to the supplier."""
    return post.threads.message_id(TicketId(ticket.id), message_id, MailAudience.THIRD_PARTY, SUPPLIER)


async def opened(post: PostOffice) -> Ticket:
    """A ticket of somebody who has no other: all that is kept of them is looked through."""
    return await post.opened(**{"from": f"kim-{new_id().hex[-12:]}@bank.example"})


async def received(post: PostOffice, ticket: Ticket) -> SideMessageReceived:
    return SideMessageReceived.of(await announced(post.intake, f"everdesk.side.message_received.v1.{ticket.id}"))


async def nothing_is_public(post: PostOffice, ticket: Ticket) -> None:
    assert len(await post.messages(ticket.id)) == 1
    assert SECRET not in await page_of(post, ticket)
    assert SECRET.encode() not in await export_of(post, ticket.requester_email)


async def test_an_answer_of_the_addressee_stays_beside_the_ticket(post: PostOffice) -> None:
    ticket, message_id = await opened(post), new_id()
    mail = letter(SECRET, **{"from": f"Sam <{SUPPLIER.upper()}>"}, in_reply_to=sent_beside(post, ticket, message_id))
    mail.add_attachment(SECRET.encode(), maintype="text", subtype="plain", filename="secret.txt")
    row = await post.deliver(mail, sender=SUPPLIER)
    assert (row.state, row.ticket_id, row.is_internal) == (RawMailState.DONE, ticket.id, True)
    event = await received(post, ticket)
    assert (event.answered_id, event.body.strip(), event.is_bounce) == (message_id, SECRET, False)
    assert [file.name for file in event.attachments] == ["secret.txt"]
    assert all(file.is_internal for file in await post.files(ticket.id))
    await nothing_is_public(post, ticket)


@pytest.mark.parametrize("is_requester", [False, True])
async def test_an_answer_from_another_address_enters_neither_conversation_nor_ticket(
    post: PostOffice,
    is_requester: bool,
) -> None:
    ticket = await opened(post)
    who = ticket.requester_email if is_requester else "mallory@evil.example"
    named = sent_beside(post, ticket, new_id())
    mail = letter("I heard of the line.", **{"from": who}, in_reply_to=named, subject="Re: line")
    row = await post.deliver(mail, sender=who)
    assert row.ticket_id != ticket.id
    assert not row.is_internal
    await nothing_is_public(post, ticket)


async def test_an_altered_message_id_is_nobodys(post: PostOffice) -> None:
    ticket = await opened(post)
    named = sent_beside(post, ticket, new_id())
    forged = named.replace(named[-30:-20], "aaaaaaaaaa")
    row = await post.deliver(letter(SECRET, **{"from": SUPPLIER}, in_reply_to=forged), sender=SUPPLIER)
    assert row.ticket_id != ticket.id


async def test_a_bounce_tells_that_the_mail_did_not_arrive_and_nothing_else(post: PostOffice) -> None:
    ticket, message_id = await opened(post), new_id()
    bounce = letter(
        SECRET,
        **{"from": "MAILER-DAEMON@mx.supplier.example"},
        x_failed_recipients=SUPPLIER,
        subject="Undelivered Mail Returned to Sender",
        in_reply_to=sent_beside(post, ticket, message_id),
    )
    row = await post.deliver(bounce, sender="")
    assert (row.state, row.is_internal) == (RawMailState.DONE, True)
    event = await received(post, ticket)
    assert (event.answered_id, event.is_bounce, event.body) == (message_id, True, "")
    await nothing_is_public(post, ticket)


@pytest.mark.parametrize(
    ("failed", "action"), [(SUPPLIER, "delayed"), (SUPPLIER, "relayed"), ("mallory@evil.example", "failed")]
)
async def test_a_report_that_proves_no_failure_ends_no_waiting(post: PostOffice, failed: str, action: str) -> None:
    """A delay is none, and the id alone proves nothing: whoever the mail was passed on to knows it."""
    ticket = await opened(post)
    row = await post.deliver(report(sent_beside(post, ticket, new_id()), final=failed, Action=action), sender="")
    assert (row.state, row.ticket_id) == (RawMailState.IGNORED, None)


@pytest.mark.parametrize("is_own", [True, False])
async def test_a_report_says_whether_it_came_to_the_sender_that_only_this_mail_had(
    post: PostOffice, is_own: bool
) -> None:
    ticket, message_id = await opened(post), new_id()
    named = sent_beside(post, ticket, message_id)
    own = ReturnPaths(post.settings).sender_of(named if is_own else sent_beside(post, ticket, new_id()))
    await post.deliver(report(named, final=SUPPLIER), sender="", to=(own,))
    event = await received(post, ticket)
    assert (event.is_bounce, event.is_proved) == (True, is_own)


async def test_an_answer_beside_a_merged_ticket_says_of_which_it_is_a_part(post: PostOffice) -> None:
    source, target, message_id = await opened(post), await opened(post), new_id()
    await merged(post.intake, *({"id": str(one.id), "number": one.number} for one in (source, target)))
    named = sent_beside(post, source, message_id)
    row = await post.deliver(letter(SECRET, **{"from": SUPPLIER}, in_reply_to=named), sender=SUPPLIER)
    assert (row.state, row.ticket_id) == (RawMailState.DONE, source.id)
    event = await received(post, source)
    assert (event.answered_id, event.merged_into, event.is_proved) == (message_id, target.id, None)


async def test_a_report_that_proves_the_failure_tells_of_it(post: PostOffice) -> None:
    ticket, message_id = await opened(post), new_id()
    row = await post.deliver(report(sent_beside(post, ticket, message_id), final=SUPPLIER.upper()), sender="")
    assert row.state is RawMailState.DONE
    event = await received(post, ticket)
    assert (event.answered_id, event.is_bounce, event.body) == (message_id, True, "")
