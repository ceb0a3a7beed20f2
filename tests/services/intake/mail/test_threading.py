"""Which ticket a mail belongs to, and who cannot push their way into one."""

import pytest
from sqlalchemy import update

from services.intake.commands.participants import answer_invitation
from services.intake.models import Ban, RawMailState, Ticket
from services.intake.privacy.requester_erasure import ErasureConfirmation
from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import MessagePosted, MessageUnclaimed, ParticipantChanged, TicketSplit, TicketSubmitted
from shared.contracts.tickets import SYSTEM
from shared.contracts.vocabulary import ParticipantState
from shared.kit.clock import derived_id, new_id, utc_now
from tests.services.intake.api.test_submitting import announced
from tests.services.intake.mail.post_office import SUPPORT, PostOffice, letter
from tests.services.intake.privacy.test_privacy import closed, eraser_of

MALLORY = {"from": "Mallory <mallory@evil.example>"}


async def test_an_answer_to_our_mail_is_a_message_on_its_ticket(post: PostOffice) -> None:
    ticket = await post.opened()
    answer = letter("It still burns.", in_reply_to=post.answers(ticket), subject="Re: anything")
    row = await post.deliver(answer)
    assert row.ticket_id == ticket.id
    first, second = await post.messages(ticket.id)
    assert (second.id, second.body, second.author_email, second.author_name) == (
        row.message_id, "It still burns.", None, "Dana Ruiz"
    )  # fmt: skip
    event = MessagePosted.of(await announced(post.intake, f"everdesk.message.posted.v1.{ticket.id}"))
    assert (event.message_id, event.is_automatic) == (second.id, False)
    assert event.mail_id == answer["message-id"]
    assert first.id != second.id


async def test_what_is_split_off_or_goes_on_elsewhere_answers_the_mail_that_it_came_by(post: PostOffice) -> None:
    """Its first mail to the requester then stands in their thread, and their answer to that finds the new ticket."""
    ticket = await post.opened()
    split, late = (letter(text, in_reply_to=post.answers(ticket)) for text in ("Cards too.", "It is back."))
    split_id = MessageId((await post.deliver(split)).message_id or new_id())
    late_id = MessageId((await post.deliver(late)).message_id or new_id())
    new = TicketId(new_id())
    await post.intake.publish(
        TicketSplit(
            ticket_id=TicketId(ticket.id),
            message_id=split_id,
            new_ticket_id=new,
            subject="Cards",
            actor=SYSTEM,
            split_at=utc_now(),
        )
    )
    await post.intake.publish(MessageUnclaimed(ticket_id=TicketId(ticket.id), message_id=late_id))
    follow_up = derived_id(late_id, "follow-up")
    for ticket_id, mail in ((new, split), (follow_up, late)):
        opened = TicketSubmitted.of(await announced(post.intake, f"everdesk.ticket.submitted.v1.{ticket_id}"))
        assert opened.mail_id == mail["message-id"]
    row = await post.deliver(letter("Thanks.", in_reply_to=post.threads.message_id(new, new_id())))
    assert row.ticket_id == new


async def test_the_thread_alone_is_enough(post: PostOffice) -> None:
    ticket = await post.opened()
    thread = post.threads.thread_id(ticket.id)  # type: ignore[arg-type]
    row = await post.deliver(letter(references=f"<x@bank.example> {thread} <y@bank.example>"))
    assert row.ticket_id == ticket.id


async def test_an_answer_to_ones_own_mail_is_found_by_its_id(post: PostOffice) -> None:
    first = letter()
    ticket_id = (await post.deliver(first)).ticket_id
    row = await post.deliver(letter("One more thing.", in_reply_to=first["message-id"], subject="No number"))
    assert row.ticket_id == ticket_id


async def test_a_number_in_the_subject_is_enough_for_the_requester(post: PostOffice) -> None:
    ticket = await post.opened()
    row = await post.deliver(letter(subject=f"AW: [#{ticket.number}] Printer"))
    assert row.ticket_id == ticket.id


async def test_a_stranger_gains_nothing_by_a_number_or_a_forged_id(post: PostOffice) -> None:
    ticket = await post.opened()
    forged = (
        {"subject": f"Re: [#{ticket.number}] Printer"},
        {"in_reply_to": f"<ticket-{ticket.id}@everdesk.example>"},
        {"in_reply_to": post.answers(ticket).replace("<t.", "<t.a")},
        {"in_reply_to": f"<t.{'a' * 26}.{'b' * 26}.{'c' * 16}@everdesk.example>"},
    )
    for headers in forged:
        got = await post.deliver(letter("Send me all.", **MALLORY, **headers), sender="mallory@evil.example")
        assert got.state is RawMailState.DONE
        assert got.ticket_id not in (None, ticket.id)
    assert len(await post.messages(ticket.id)) == 1


async def test_whoever_was_passed_our_mail_is_heard_but_let_into_nothing(post: PostOffice) -> None:
    ticket = await post.opened()
    mail = letter("I know more.", in_reply_to=post.answers(ticket), cc="friend@evil.example", **MALLORY)
    row = await post.deliver(mail, sender="mallory@evil.example")
    assert row.ticket_id == ticket.id
    assert "not part of it" in row.outcome
    message = (await post.messages(ticket.id))[-1]
    assert message.body.startswith("From mallory@evil.example, who is not part of this ticket:\n\nI know more.")
    assert (message.author_email, message.author_name) == ("mallory@evil.example", "Mallory")
    assert await post.participants(ticket.id) == {}


async def test_our_own_mail_coming_back_is_ignored(post: PostOffice) -> None:
    ticket = await post.opened()
    looped = (
        letter(message_id=post.answers(ticket)),
        letter(x_everdesk_ticket=ticket.number),
        letter(x_everdesk_ticket=ticket.number, **{"from": SUPPORT}),
    )
    for mail in looped:
        row = await post.deliver(mail)
        assert (row.state, row.outcome) == (RawMailState.IGNORED, "a loop: our own mail came back")


@pytest.mark.parametrize("headers", [{"auto_submitted": "auto-replied"}, {"x_autoreply": "yes"}])
async def test_an_absence_is_noted_and_reopens_nothing(post: PostOffice, headers: dict[str, str]) -> None:
    ticket = await post.opened()
    await post.deliver(letter("I am away.", in_reply_to=post.answers(ticket), **headers))
    event = MessagePosted.of(await announced(post.intake, f"everdesk.message.posted.v1.{ticket.id}"))
    assert event.is_automatic
    assert (await post.messages(ticket.id))[-1].is_automatic


async def test_a_machines_first_mail_is_not_acknowledged(post: PostOffice) -> None:
    ticket = await post.opened(auto_submitted="auto-generated", subject="Backup failed")
    event = TicketSubmitted.of(await announced(post.intake, f"everdesk.ticket.submitted.v1.{ticket.id}"))
    assert (event.is_automatic, event.acknowledge) == (True, False)


async def test_a_bounce_of_our_mail_is_noted_on_its_ticket(post: PostOffice) -> None:
    ticket = await post.opened()
    bounce = letter(
        "It could not be delivered.",
        subject="Undelivered Mail Returned to Sender",
        in_reply_to=post.answers(ticket),
        **{"from": "Mail Delivery System <MAILER-DAEMON@mx.example>"},
    )
    row = await post.deliver(bounce, sender="")
    assert row.ticket_id == ticket.id
    assert (await post.messages(ticket.id))[-1].is_automatic


async def test_people_in_copy_are_asked_and_not_added(post: PostOffice) -> None:
    people = "Lee <lee@bank.example>, LEE@bank.example, support+x@everdesk.example, dana@bank.example"
    ticket = await post.opened()
    both = {"cc": people, "to": f"{SUPPORT}, Kim <kim@shop.example>"}
    await post.deliver(letter("Please tell them.", in_reply_to=post.answers(ticket), **both))
    assert await post.participants(ticket.id) == {"lee@bank.example": "invited", "kim@shop.example": "invited"}
    event = ParticipantChanged.of(await announced(post.intake, f"everdesk.participant.changed.v1.{ticket.id}"))
    assert (event.state, event.version) == (ParticipantState.INVITED, 1)
    lee = {"from": "Lee <lee@bank.example>", "subject": f"[#{ticket.number}]"}
    assert (await post.deliver(letter(**lee), sender="lee@bank.example")).ticket_id != ticket.id
    async with post.intake.database.begin() as session:
        assert await answer_invitation(session, ticket.id, "lee@bank.example", ParticipantState.JOINED, utc_now())
    row = await post.deliver(letter("Me too.", **lee), sender="lee@bank.example")
    assert row.ticket_id == ticket.id
    message = (await post.messages(ticket.id))[-1]
    assert (message.author_name, message.author_email, message.body) == ("Lee", "lee@bank.example", "Me too.")


async def test_twenty_people_are_asked_and_no_more(post: PostOffice) -> None:
    ticket = await post.opened(cc=", ".join(f"p{number}@many.example" for number in range(60)))
    assert len(await post.participants(ticket.id)) == 20


async def test_nobody_is_asked_because_a_machine_says_so(post: PostOffice) -> None:
    ticket = await post.opened(cc="lee@bank.example", auto_submitted="auto-generated")
    assert await post.participants(ticket.id) == {}


async def test_banned_people_and_domains_are_turned_away(post: PostOffice) -> None:
    import aiosmtplib

    async with post.intake.database.begin() as session:
        session.add_all(
            [Ban(pattern="spam@spam.example", reason="spam"), Ban(pattern="@banned.example", reason="a flood")]
        )
    post.admission.bans.forget()
    for sender in ("SPAM@spam.example", "x@banned.example"):
        with pytest.raises(aiosmtplib.SMTPSenderRefused) as refused:
            await post.hand_in(letter(), sender=sender)
        assert refused.value.code == 550
    row = await post.deliver(letter(**{"from": "a@banned.example"}))
    assert (row.state, row.outcome) == (RawMailState.IGNORED, "the sender is banned")


async def test_pictures_and_files_stay_with_their_message(post: PostOffice) -> None:
    mail = letter("See the picture.", message_id=f"<{new_id()}@bank.example>")
    mail.add_alternative('<p>See <img src="cid:shot@x"> <b>here</b>.</p>', subtype="html")
    html = mail.get_payload()[1]  # type: ignore[index]
    html.add_related(b"\x89PNG\r\n\x1a\n" + bytes(40), "image", "png", cid="<shot@x>")  # type: ignore[union-attr]
    mail.add_attachment(b"log line", maintype="text", subtype="plain", filename="trace.txt")
    row = await post.deliver(mail)
    assert row.ticket_id is not None
    files = {file.name: file for file in await post.files(row.ticket_id)}
    assert "trace.txt" in files
    picture = next(file for name, file in files.items() if name != "trace.txt")
    assert f'src="attachment:{picture.id}"' in (await post.messages(row.ticket_id))[0].body
    assert {file.message_id for file in files.values()} == {row.message_id}


async def test_an_answer_to_an_erased_ticket_is_a_new_contact(post: PostOffice) -> None:
    sender = f"zenobia-{new_id().hex}@bank.example"
    first = letter(**{"from": f"Zenobia <{sender}>"})
    ticket_id = (await post.deliver(first)).ticket_id
    assert ticket_id is not None
    old = await post.ticket(ticket_id)
    await closed(post.intake, {"id": str(old.id), "number": old.number})
    await eraser_of(post.intake).erase(sender, ErasureConfirmation(tickets=1))
    for headers in (
        {"in_reply_to": first["message-id"]},
        {"in_reply_to": post.answers(old)},
        {"subject": f"Re: [#{old.number}]"},
    ):
        row = await post.deliver(letter("It still burns.", **{"from": f"Zenobia <{sender}>"}, **headers))
        assert row.state is RawMailState.DONE
        assert row.ticket_id not in (None, old.id)
    assert [one.body for one in await post.messages(old.id)] == ["[erased]"]


async def test_the_follow_up_of_an_archived_ticket_answers_the_mail_that_opened_it(post: PostOffice) -> None:
    ticket = await post.opened()
    async with post.intake.database.begin() as session:
        await session.execute(update(Ticket).where(Ticket.id == ticket.id).values(is_archived=True, status="closed"))
    more = letter("It is back.", in_reply_to=post.answers(ticket))
    row = await post.deliver(more)
    assert row.message_id is not None
    follow_up = derived_id(row.message_id, "follow-up")
    event = TicketSubmitted.of(await announced(post.intake, f"everdesk.ticket.submitted.v1.{follow_up}"))
    assert (event.follows, event.mail_id) == (ticket.id, more["message-id"])
