"""Making us write to people who never asked: bounded by mailbox, guest and network, in the database."""

from collections.abc import AsyncIterator

import pytest

from services.intake.abuse.invitations import InvitationLimits, Inviter
from services.intake.mail.app import build
from shared.kit.clock import new_id, utc_now
from tests.load.amplifier import CC, MAILS, mails_with_copies
from tests.services.intake.harness import IntakeHarness
from tests.services.intake.mail.post_office import PostOffice, letter
from tests.services.intake.mail.running_mail import mail_settings_in

LIMITS = {"invitations_per_mailbox_per_day": 20, "invitations_per_guest_per_day": 5}


@pytest.fixture(scope="module")
async def post(intake: IntakeHarness, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PostOffice]:
    """The mail process, running with the usual limits."""
    settings = mail_settings_in(intake.settings, tmp_path_factory.mktemp("mail"), **LIMITS)
    app = build(settings)
    async with app.router.lifespan_context(app):
        yield PostOffice(app.state.mail_in_port, intake, settings, app.state.admission)


async def test_answers_to_our_mails_invite_a_handful(post: PostOffice) -> None:
    """Though each mail is proved, and each comes from another plus-address of the same mailbox."""
    name = f"mallory-{new_id().hex[-8:]}"
    invited = 0
    for number, mail in enumerate(mails_with_copies(name, MAILS, CC)):
        ticket = await post.opened(**{"from": f"<{name}+{number}@evil.example>"})
        mail["In-Reply-To"] = post.answers(ticket)
        await post.deliver(mail, sender=f"{name}+{number}@evil.example")
        states = list((await post.participants(ticket.id)).values())
        assert len(states) == CC
        invited += states.count("invited")
    assert invited == LIMITS["invitations_per_mailbox_per_day"]


async def test_new_mails_invite_nobody(post: PostOffice, intake: IntakeHarness) -> None:
    before = await intake.count("participants where state = 'invited'")
    for mail in mails_with_copies(f"new-{new_id().hex[-8:]}", 3, CC):
        await post.deliver(mail)
    assert await intake.count("participants where state = 'invited'") == before


async def test_one_guest_is_asked_so_often_whoever_asks(post: PostOffice) -> None:
    guest = f"victim-{new_id().hex[-8:]}"
    states: list[str] = []
    for number in range(7):
        sender = f"x{number}-{guest}@evil.example"
        ticket = await post.opened(**{"from": f"<{sender}>"})
        mail = letter(in_reply_to=post.answers(ticket), cc=f"{guest}+{number}@bank.example", **{"from": f"<{sender}>"})
        await post.deliver(mail, sender=sender)
        states += (await post.participants(ticket.id)).values()
    assert states.count("invited") == LIMITS["invitations_per_guest_per_day"]
    assert states.count("proposed") == 2


async def test_a_network_counts_as_one(intake: IntakeHarness) -> None:
    limits = InvitationLimits(intake.settings.model_copy(update={"invitations_per_address_per_day": 3}))
    taken = []
    async with intake.database.begin() as session:
        for number in range(5):
            inviter = Inviter(f"{new_id()}@evil.example", f"2001:db8:77:1::{number}")
            taken.append(await limits.take(session, inviter, f"{new_id()}@bank.example", utc_now()))
    assert taken == [True] * 3 + [False] * 2
