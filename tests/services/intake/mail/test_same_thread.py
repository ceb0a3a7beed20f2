"""Mails of one conversation that we have seen only a part of: a colleague's answer, and two mails with one root."""

import pytest

from services.intake.models import RawMailState
from shared.contracts.events import MessagePosted
from shared.kit.clock import new_id
from tests.services.intake.api.test_submitting import announced
from tests.services.intake.mail.post_office import PostOffice, letter

LEE = {"from": "Lee <lee@bank.example>"}


def root() -> str:
    return f"<{new_id()}@elsewhere.example>"


@pytest.mark.parametrize("field", ["in_reply_to", "references"])
async def test_a_colleague_in_copy_who_answers_the_first_mail_is_heard_on_its_ticket(
    post: PostOffice, field: str
) -> None:
    first = letter("It burns.", cc="Lee <lee@bank.example>", subject="Printer in room 7")
    ticket_id = (await post.deliver(first)).ticket_id
    assert ticket_id is not None
    before = await post.participants(ticket_id)
    answer = letter("Here too.", subject="RE: Printer in room 7", **{field: first["message-id"]}, **LEE)
    row = await post.deliver(answer, sender="lee@bank.example")
    assert row.ticket_id == ticket_id
    message = (await post.messages(ticket_id))[-1]
    assert message.body.startswith("From lee@bank.example, who is not part of this ticket:\n\nHere too.")
    assert (message.author_email, message.author_name) == ("lee@bank.example", "Lee")
    event = MessagePosted.of(await announced(post.intake, f"everdesk.message.posted.v1.{ticket_id}"))
    assert event.author.email == "lee@bank.example"
    assert await post.participants(ticket_id) == before
    again = letter("And here.", in_reply_to=answer["message-id"], cc="friend@evil.example", **LEE)
    assert (await post.deliver(again, sender="lee@bank.example")).ticket_id == ticket_id
    assert await post.participants(ticket_id) == before


async def test_a_colleagues_absence_is_noted_as_automatic(post: PostOffice) -> None:
    first = letter()
    ticket_id = (await post.deliver(first)).ticket_id
    mail = letter("I am away.", in_reply_to=first["message-id"], auto_submitted="auto-replied", **LEE)
    assert (await post.deliver(mail, sender="lee@bank.example")).ticket_id == ticket_id
    assert ticket_id is not None
    assert (await post.messages(ticket_id))[-1].is_automatic


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Re: Order 12 is late", "AW: RE:  order 12 is LATE"),
        ("Fwd: Order 12 is late", "Order 12 is late"),
        ("", "Re:"),
    ],
)
async def test_two_mails_with_one_unseen_root_and_one_subject_are_one_ticket(
    post: PostOffice, one: str, other: str
) -> None:
    thread = root()
    first = await post.deliver(letter("First.", references=thread, subject=one))
    second = await post.deliver(letter("Second.", references=f"{thread} {root()}", in_reply_to=root(), subject=other))
    assert first.state is second.state is RawMailState.DONE
    assert first.ticket_id == second.ticket_id
    assert first.ticket_id is not None
    assert [one.body for one in await post.messages(first.ticket_id)] == ["First.", "Second."]
    third = await post.deliver(letter("Late.", message_id=thread, subject=other))
    assert third.ticket_id == first.ticket_id


async def test_another_subject_or_another_sender_is_another_ticket(post: PostOffice) -> None:
    thread = root()
    first = await post.deliver(letter(references=thread, subject="Re: Order 12"))
    for headers in ({"subject": "Re: Order 13"}, {"subject": "Re: Order 12", **LEE}):
        assert (await post.deliver(letter(references=thread, **headers))).ticket_id not in (None, first.ticket_id)


async def test_a_root_in_common_lets_nobody_into_somebody_elses_ticket(post: PostOffice) -> None:
    thread = root()
    first = await post.deliver(letter("Private.", references=thread, subject="Re: Secret"))
    forged = letter(references=thread, subject="Re: Secret", **{"from": "Mallory <mallory@evil.example>"})
    row = await post.deliver(forged, sender="mallory@evil.example")
    assert row.ticket_id not in (None, first.ticket_id)
