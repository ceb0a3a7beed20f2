"""What of a mail is shown on its ticket: all of one that opens it, and of an answer what its writer wrote."""

import pytest

from tests.services.intake.mail.post_office import PostOffice, letter

AT = "On Tue, 1 Mar 2011 at 18:02, Lee <lee@bank.example> wrote:"
FIRST = [
    f"See below.\n\n{AT}\n> The printer burns.\n> Lee",
    "FYI\n\n---------- Forwarded message ---------\nFrom: Lee <lee@bank.example>\nSubject: It\n\nThe printer burns.",
    "Hello\n\nFrom: Lee <lee@bank.example>\nSent: Tuesday\nTo: Dana\nSubject: It\n\nWhat does this mean?",
    "It burns.\n\nSent from my iPhone",
]


@pytest.mark.parametrize("text", FIRST)
async def test_a_first_mail_is_shown_whole(post: PostOffice, text: str) -> None:
    row = await post.deliver(letter(text))
    assert row.ticket_id is not None
    first, *_ = await post.messages(row.ticket_id)
    assert (first.body.split(), first.quoted) == (text.split(), "")


@pytest.mark.parametrize("text", FIRST[:2])
async def test_what_an_answer_quotes_is_kept_beside_it(post: PostOffice, text: str) -> None:
    ticket = await post.opened()
    await post.deliver(letter(text, in_reply_to=post.answers(ticket)))
    _, second = await post.messages(ticket.id)
    assert second.body.split() == text.partition("\n")[0].split()
    assert "The printer burns." in second.quoted
