"""A flood of mails by one sender: kept at once, worked on at a pace, and nobody's mail behind it."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import update

from services.intake.mail.app import build
from services.intake.mail.pipeline.pace import OF_DOMAIN, OF_MAILBOX, OF_ORIGIN, PacedMail, SenderPace
from services.intake.models import RawMail, RawMailState
from shared.kit.clock import new_id
from tests.load.amplifier import CC, MAILS, mails_with_copies
from tests.services.intake.harness import IntakeHarness
from tests.services.intake.mail.post_office import PostOffice, letter
from tests.services.intake.mail.running_mail import mail_settings_in

HERE = "203.0.113.7"


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def begun(pace: SenderPace, clock: Clock, mails: list[PacedMail], guests: int = 0) -> list[float]:
    """When each of the mails is begun, one after the other."""
    instants = []
    for mail in mails:
        clock.now += max(0.0, pace.wait_of(mail))
        pace.count(mail)
        pace.count_guests(mail, guests)
        instants.append(clock.now)
    return instants


def test_the_first_few_come_at_once_and_the_rest_at_a_pace() -> None:
    clock = Clock()
    instants = begun(SenderPace(0.5, clock), clock, [PacedMail("a@b.example", HERE)] * (OF_MAILBOX.first + 4))
    assert instants[: OF_MAILBOX.first] == [0.0] * OF_MAILBOX.first
    assert instants[OF_MAILBOX.first :] == pytest.approx([0.5, 1.0, 1.5, 2.0])


def test_people_in_copy_count_as_mails() -> None:
    clock = Clock()
    instants = begun(SenderPace(0.5, clock), clock, [PacedMail("a@b.example", HERE)] * 4, guests=20)
    assert instants[3] == pytest.approx((3 * 11 - 4) * 0.5)


def test_many_mailboxes_of_a_domain_and_many_domains_of_a_client_are_held_as_well() -> None:
    clock = Clock()
    one_domain = [PacedMail(f"{number}@b.example", HERE) for number in range(OF_DOMAIN.first + 40)]
    assert begun(SenderPace(0.4, clock), clock, one_domain)[-1] == pytest.approx(40 * 0.1)
    clock = Clock()
    many_domains = [PacedMail(f"x@{number}.example", HERE) for number in range(OF_ORIGIN.first + 40)]
    assert begun(SenderPace(0.4, clock), clock, many_domains)[-1] == pytest.approx(40 * 0.05)


def test_others_are_not_held() -> None:
    clock = Clock()
    pace = SenderPace(0.5, clock)
    for _ in range(100):
        pace.count(PacedMail("a@b.example", HERE))
    assert pace.wait_of(PacedMail("a@b.example", HERE)) > 40
    assert pace.wait_of(PacedMail("a@c.example", "198.51.100.1")) == 0
    assert SenderPace(0, clock).wait_of(PacedMail("a@b.example", HERE)) == 0


@pytest.fixture(scope="module")
async def post(intake: IntakeHarness, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PostOffice]:
    """The mail process, running with a slow pace."""
    settings = mail_settings_in(intake.settings, tmp_path_factory.mktemp("mail"), mail_pace_seconds=10)
    app = build(settings)
    async with app.router.lifespan_context(app):
        yield PostOffice(app.state.mail_in_port, intake, settings, app.state.admission)
    async with intake.database.begin() as session:
        waiting = update(RawMail).where(RawMail.state == RawMailState.RECEIVED)
        await session.execute(waiting.values(state=RawMailState.IGNORED, outcome="left by a test"))


async def test_a_flood_of_plus_addresses_holds_up_nobody(post: PostOffice) -> None:
    """All are thanked for at once, others' mails are tickets while the flood waits, and none of it is lost."""
    name = new_id().hex[-8:]
    flood = list(mails_with_copies(f"mallory-{name}", MAILS, CC))
    for mail in flood:
        assert (await post.hand_in(mail, sender=mail["From"])).startswith("2.0.0 Kept")
    for number in range(3):
        sender = f"dana-{number}@{name}-bank.example"
        mail = letter(**{"from": sender})
        await post.hand_in(mail, sender=sender)
        assert (await post.settled(mail, within=60)).state is RawMailState.DONE
    rows = [kept for mail in flood if (kept := await post.stored(mail)) is not None]
    assert len(rows) == MAILS
    assert {row.mailbox for row in rows} == {f"mallory-{name}@evil.example"}
    settled = [row for row in rows if row.state is not RawMailState.RECEIVED]
    assert len(settled) < OF_MAILBOX.first
    assert {row.attempts for row in rows} == {0}
