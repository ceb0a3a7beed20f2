"""People in copy: asked before they belong to a ticket, by nobody but themselves, and free to leave."""

from uuid import UUID

import httpx2
import pytest

from services.intake.abuse.invitations import InvitationLimits, Inviter
from services.intake.commands.participants import (
    InvitedPerson,
    ParticipantOrigin,
    answer_invitation,
    find_participant,
    invite_participants,
    remove_participants,
)
from services.intake.models import LinkRevocation
from shared.contracts.base import TicketId
from shared.contracts.events import ParticipantChanged
from shared.contracts.vocabulary import Channel, ParticipantState
from shared.kit.auth import TicketLink, TicketLinks
from shared.kit.clock import utc_now
from tests.services.intake.api.test_submitting import announced
from tests.services.intake.harness import BASE_URL, IntakeHarness, Json

LEE = "lee@bank.example"


def page_of(intake: IntakeHarness, created: Json, email: str = LEE) -> str:
    """The address in the mail that asks."""
    return TicketLinks(intake.settings).invitation_url(TicketLink(TicketId(UUID(created["id"])), email))


async def press(browser: httpx2.AsyncClient, page: str, choice: str) -> httpx2.Response:
    """Opens the page and presses one of its buttons."""
    shown = await browser.get(page)
    assert shown.status_code == 200, shown.text
    token = shown.text.partition('name="csrf_token" value="')[2].partition('"')[0]
    return await browser.post(page, data={"csrf_token": token, "answer": choice}, headers={"Origin": BASE_URL})


async def state_of(intake: IntakeHarness, created: Json, email: str = LEE) -> str | None:
    async with intake.database.begin() as session:
        found = await find_participant(session, UUID(created["id"]), email)
    return found.state.value if found else None


async def test_the_api_asks_whom_it_names_in_copy_once(intake: IntakeHarness) -> None:
    created = await intake.submit(cc=[LEE, "LEE@bank.example", "dana@bank.example", "kim@shop.example"])
    event = ParticipantChanged.of(await announced(intake, f"everdesk.participant.changed.v1.{created['id']}"))
    assert (event.state, event.version) == (ParticipantState.INVITED, 1)
    states = [await state_of(intake, created, email) for email in (LEE, "kim@shop.example", "dana@bank.example")]
    assert states == ["invited", "invited", None]


async def test_a_retry_asks_nobody_again(intake: IntakeHarness) -> None:
    before = await intake.count("participants")
    body = {"requester": {"email": "a@b.example", "name": "A"}, "subject": "s", "body": "b", "cc": [LEE]}
    async with intake.client() as http:
        for _ in range(2):
            sent = await http.post("/v1/tickets", json=body, headers={"Idempotency-Key": "asks-once"})
            assert sent.status_code == 201
    assert await intake.count("participants") == before + 1


async def test_whoever_is_asked_sees_the_question_and_not_the_conversation(intake: IntakeHarness) -> None:
    created = await intake.submit(cc=[LEE], body="A secret matter.")
    page = page_of(intake, created)
    async with intake.browser() as browser:
        question = await browser.get(page)
        assert "Take part" in question.text
        assert "A secret matter." not in question.text
        assert (await browser.get(page.replace("/p/", "/t/"))).status_code == 404


async def test_taking_part_opens_the_conversation_and_leaving_ends_it(intake: IntakeHarness) -> None:
    created = await intake.submit(cc=[LEE], body="A secret matter.")
    page = page_of(intake, created)
    async with intake.browser() as browser:
        thread = await press(browser, page, "join")
        assert "A secret matter." in thread.text
        assert await state_of(intake, created) == "joined"
        left = await press(browser, page, "decline")
        assert "You do not take part" in left.text
        assert (await browser.get(page.replace("/p/", "/t/"))).status_code == 404
        assert "A secret matter." in (await press(browser, page, "join")).text


async def test_nobody_answers_without_the_page(intake: IntakeHarness) -> None:
    created = await intake.submit(cc=[LEE])
    async with intake.browser() as browser:
        refused = await browser.post(page_of(intake, created), data={"answer": "join"})
    assert refused.status_code == 403
    assert await state_of(intake, created) == "invited"


@pytest.mark.parametrize("email", ["mallory@evil.example", "dana@bank.example"])
async def test_a_link_for_somebody_else_opens_nothing(intake: IntakeHarness, email: str) -> None:
    created = await intake.submit(cc=[LEE])
    async with intake.browser() as browser:
        assert (await browser.get(page_of(intake, created, email))).status_code == 404
        assert (await browser.get(page_of(intake, created, email) + "x")).status_code == 404


async def test_a_revoked_link_asks_nothing(intake: IntakeHarness) -> None:
    created = await intake.submit(cc=[LEE])
    page = page_of(intake, created)
    async with intake.database.begin() as session:
        session.add(LinkRevocation(ticket_id=UUID(created["id"]), email=LEE, made_before=utc_now()))
    async with intake.browser() as browser:
        assert (await browser.get(page)).status_code == 404
        assert (await browser.get(page_of(intake, created))).status_code == 200


async def test_whoever_was_removed_cannot_come_back(intake: IntakeHarness) -> None:
    created = await intake.submit(cc=[LEE])
    ticket_id = UUID(created["id"])
    async with intake.database.begin() as session:
        assert await remove_participants(session, ticket_id, utc_now(), LEE) == [LEE]
        origin = ParticipantOrigin(Channel.EMAIL, utc_now(), "dana@bank.example", Inviter("dana@bank.example"))
        await invite_participants(session, ticket_id, [InvitedPerson(LEE)], origin, InvitationLimits(intake.settings))
        assert not await answer_invitation(session, ticket_id, LEE, ParticipantState.JOINED, utc_now())
    async with intake.browser() as browser:
        assert (await browser.get(page_of(intake, created))).status_code == 404
