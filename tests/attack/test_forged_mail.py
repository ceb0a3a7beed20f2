"""Mails whose sender proves nothing: they may add words, and lead nobody to reading."""

from collections.abc import AsyncIterator
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import delete

from services.intake.abuse.invitations import InvitationLimits
from services.intake.consumers import on_events
from services.intake.mail.app import build
from services.intake.models import InvitationCount, Ticket
from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import Author, ParticipantDecided
from shared.contracts.vocabulary import ActorKind, ParticipantDecision
from shared.kit.auth import MailAudience, TicketLink, TicketLinks
from shared.kit.clock import new_id, utc_now
from tests.services.intake.harness import BASE_URL, IntakeHarness
from tests.services.intake.mail.post_office import PostOffice, letter
from tests.services.intake.mail.running_mail import mail_settings_in
from tests.services.intake.web.test_invitations import press

STRANGER = "mallory@evil.example"


@pytest.fixture(autouse=True)
async def nobody_was_invited_today(intake: IntakeHarness) -> None:
    """Whoever shares the engines has invited the same people, who may be invited five times a day."""
    async with intake.database.begin() as session:
        await session.execute(delete(InvitationCount))


@pytest.fixture(scope="module")
async def post(intake: IntakeHarness, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PostOffice]:
    """The mail process, running."""
    settings = mail_settings_in(intake.settings, tmp_path_factory.mktemp("mail"))
    app = build(settings)
    async with app.router.lifespan_context(app):
        yield PostOffice(app.state.mail_in_port, intake, settings, app.state.admission)


def a_browser(intake: IntakeHarness) -> httpx2.AsyncClient:
    """Somebody at an address that nobody has counted requests of."""
    return intake.browser()


def link(post: PostOffice, ticket: Ticket, email: str, page: str = "t") -> str:
    token = TicketLinks(post.settings).token(TicketLink(TicketId(ticket.id), email, is_mailed=True))
    return f"/{page}/{token}"


async def submit_form(intake: IntakeHarness, page: str, action: str, **values: str) -> str:
    """What the ticket's page shows after one of its forms was sent."""
    async with a_browser(intake) as browser:
        shown = await browser.get(page)
        token = shown.text.partition('name="csrf_token" value="')[2].partition('"')[0]
        sent = await browser.post(
            f"{page}/{action}", data={"csrf_token": token, **values}, headers={"Origin": BASE_URL}
        )
    assert sent.status_code == 200, sent.text
    return sent.text


async def can_read(intake: IntakeHarness, post: PostOffice, ticket: Ticket, email: str = STRANGER) -> bool:
    async with a_browser(intake) as browser:
        asked = await browser.get(link(post, ticket, email, "p"))
        thread = await browser.get(link(post, ticket, email))
    return asked.status_code != 404 or thread.status_code != 404


async def test_weak_proofs_invite_nobody(post: PostOffice, intake: IntakeHarness) -> None:
    first = letter()
    ticket_id = (await post.deliver(first)).ticket_id
    assert ticket_id is not None
    ticket = await post.ticket(ticket_id)
    another = await post.opened(**{"from": f"M <{STRANGER}>"})
    proofs = (
        {"subject": f"Re: [#{ticket.number}]"},
        {"in_reply_to": first["message-id"]},
        {"references": post.threads.thread_id(TicketId(ticket.id))},
        {"in_reply_to": post.answers_to(ticket, STRANGER, MailAudience.GUEST)},
        {"in_reply_to": post.threads.message_id(TicketId(ticket.id), new_id())},
        {"in_reply_to": post.answers(another), "subject": f"[#{ticket.number}]"},
    )
    for proof in proofs:
        await post.deliver(letter("Yes.", cc=STRANGER, **proof))
    assert set((await post.participants(ticket.id)).values()) == {"proposed"}
    assert not await can_read(intake, post, ticket)


async def test_a_ticket_opened_in_anothers_name_lets_no_copy_read(post: PostOffice, intake: IntakeHarness) -> None:
    ticket = await post.opened(cc=STRANGER)
    assert await post.participants(ticket.id) == {STRANGER: "proposed"}
    assert not await can_read(intake, post, ticket)
    page = link(post, ticket, "dana@bank.example")
    async with a_browser(intake) as browser:
        shown = (await browser.get(page)).text
    assert STRANGER in shown
    assert "In copy of a mail from dana@bank.example" in shown


async def test_the_requester_confirms_and_removes(post: PostOffice, intake: IntakeHarness) -> None:
    ticket = await post.opened(cc="lee@bank.example")
    page, lees = link(post, ticket, "dana@bank.example"), link(post, ticket, "lee@bank.example", "p")
    assert "have been invited" in await submit_form(intake, page, "participants/confirm", email="lee@bank.example")
    async with a_browser(intake) as browser:
        assert "The printer burns." in (await press(browser, lees, "join")).text
        await submit_form(intake, page, "participants/remove", email="lee@bank.example")
        assert (await browser.get(lees.replace("/p/", "/t/"))).status_code == 404
        assert (await browser.get(lees)).status_code == 404
    await post.deliver(letter("Again.", in_reply_to=post.answers(ticket), cc="lee@bank.example"))
    assert await post.participants(ticket.id) == {"lee@bank.example": "removed"}
    await submit_form(intake, page, "participants", email="lee@bank.example")
    assert await post.participants(ticket.id) == {"lee@bank.example": "invited"}
    async with a_browser(intake) as browser:
        assert (await browser.get(lees)).status_code == 404, "an old link stays dead"


async def test_revoking_all_links_evicts_everybody(post: PostOffice, intake: IntakeHarness) -> None:
    ticket = await post.opened()
    await post.deliver(letter("See Cc.", in_reply_to=post.answers(ticket), cc="lee@bank.example, kim@bank.example"))
    async with a_browser(intake) as browser:
        await press(browser, link(post, ticket, "lee@bank.example", "p"), "join")
    await submit_form(intake, link(post, ticket, "dana@bank.example"), "revoke")
    assert set((await post.participants(ticket.id)).values()) == {"removed"}
    assert not await can_read(intake, post, ticket, "lee@bank.example")


async def test_only_the_requester_decides(post: PostOffice, intake: IntakeHarness) -> None:
    ticket = await post.opened()
    await post.deliver(letter("See Cc.", in_reply_to=post.answers(ticket), cc="lee@bank.example"))
    async with a_browser(intake) as browser:
        shown = await press(browser, link(post, ticket, "lee@bank.example", "p"), "join")
        assert "participants/remove" not in shown.text
        token = shown.text.partition('name="csrf_token" value="')[2].partition('"')[0]
        for action in ("participants", "participants/confirm", "participants/remove"):
            refused = await browser.post(
                f"{link(post, ticket, 'lee@bank.example')}/{action}",
                data={"csrf_token": token, "email": STRANGER},
                headers={"Origin": BASE_URL},
            )
            assert refused.status_code == 403


@pytest.mark.parametrize("decision", ParticipantDecision)
async def test_an_agent_decides_as_well(post: PostOffice, intake: IntakeHarness, decision: ParticipantDecision) -> None:
    ticket = await post.opened(cc="lee@bank.example")
    decided = ParticipantDecided(
        ticket_id=TicketId(ticket.id),
        email="lee@bank.example",
        decision=decision,
        agent=Author(kind=ActorKind.AGENT, id=UUID(int=1), name="Ada Lovelace"),
        decided_at=utc_now(),
    )
    envelope = decided.envelope(str(MessageId(new_id())), utc_now())
    for _ in range(2):
        await on_events(intake.database, InvitationLimits(intake.settings), [envelope])
    assert list((await post.participants(ticket.id)).values()) == [{"invite": "invited", "remove": "removed"}[decision]]
