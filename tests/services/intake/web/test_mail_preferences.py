"""People choose which mails they get: by the page behind a link of their mails, or with one click in a mail program."""

from datetime import timedelta
from uuid import UUID

import pytest

from services.intake.commands.mail_preferences import choose_mails, find_wanted
from services.intake.consumers import people_consumer
from shared.contracts.base import TicketId
from shared.contracts.events import MailPreferencesChanged, MailPreferencesSet
from shared.kit.auth import TicketLink
from shared.kit.clock import new_id, utc_now
from shared.kit.mail_preferences import PreferenceLink, PreferenceLinks, recipient_key
from shared.kit.requester_ids import RequesterIds
from tests.services.intake.api.test_submitting import announced
from tests.services.intake.harness import IntakeHarness, Json
from tests.services.intake.web.test_invitations import LEE, press, state_of
from tests.services.intake.web.test_invitations import page_of as invitation_of
from tests.services.intake.web.test_portal import path_of, send

ONE_CLICK = {"List-Unsubscribe": "One-Click"}


def page_of(intake: IntakeHarness, created: Json, email: str, *, is_copy: bool = False) -> str:
    link = PreferenceLink(TicketId(UUID(created["id"])), email, is_copy=is_copy)
    return path_of(PreferenceLinks(intake.settings).url(link))


async def wanted_by(intake: IntakeHarness, email: str) -> str:
    async with intake.database.begin() as session:
        return await find_wanted(session, email)


async def test_a_person_chooses_on_the_page_and_the_choice_is_announced_without_the_address(
    intake: IntakeHarness,
) -> None:
    email = f"{new_id().hex}@bank.example"
    created = await intake.submit(requester={"email": email, "name": "Grace"})
    page = page_of(intake, created, email.upper())
    async with intake.browser() as browser:
        assert 'value="all" required checked' in (await browser.get(page)).text
        assert (await browser.post(page, data={"wanted": "none"})).status_code == 403
        assert (await send(browser, page, wanted="everything")).status_code == 422
        assert await wanted_by(intake, email) == "all"
        saved = await send(browser, page, wanted="replies")
        assert "Your choice is saved." in saved.text
        assert 'value="replies" required checked' in saved.text
        assert (await browser.get(f"{page}x")).status_code == 404
        german = await browser.get(page, headers={"Accept-Language": "de"})
        assert "Welche E-Mails Sie bekommen" in german.text
    event = await announced(intake, f"{MailPreferencesChanged.type()}.{created['id']}")
    told = MailPreferencesChanged.of(event)
    assert (told.wanted, told.address_key) == ("replies", recipient_key(email))
    assert email not in event.model_dump_json()


async def test_one_click_of_a_mail_program_needs_no_cookie_and_never_takes_replies(intake: IntakeHarness) -> None:
    email = f"{new_id().hex}@bank.example"
    created = await intake.submit(requester={"email": email, "name": "Grace"})
    page = page_of(intake, created, email)
    async with intake.browser() as browser:
        for _ in range(2):
            assert (await browser.post(page, data=ONE_CLICK)).status_code == 200
        assert await wanted_by(intake, email) == "replies"
        await browser.get(page)
        await send(browser, page, wanted="none")
        await browser.post(page, data=ONE_CLICK)
        assert await wanted_by(intake, email) == "none"


async def test_one_click_on_a_copy_leaves_the_ticket_and_nothing_else(intake: IntakeHarness) -> None:
    created = await intake.submit(cc=[LEE])
    async with intake.browser() as browser:
        await press(browser, invitation_of(intake, created), "join")
        page = page_of(intake, created, LEE, is_copy=True)
        assert "Leave this ticket" in (await browser.get(page)).text
        assert (await browser.post(page, data=ONE_CLICK)).status_code == 200
        assert "Leave this ticket" not in (await browser.get(page)).text
    assert await state_of(intake, created) == "declined"
    assert await wanted_by(intake, LEE) == "all"


async def test_only_who_came_by_mail_finds_the_page_from_the_ticket(intake: IntakeHarness) -> None:
    created = await intake.submit()
    ticket = await intake.stored(created["id"])
    links = intake.app.state.app_state.links
    async with intake.browser() as browser:
        for is_mailed in (True, False):
            link = TicketLink(TicketId(ticket.id), ticket.requester_email, is_mailed=is_mailed)
            shown = await browser.get(f"/t/{links.token(link)}")
            assert ("/mail-preferences/" in shown.text) == is_mailed


async def test_what_an_operator_chose_is_shown_until_the_person_chooses(intake: IntakeHarness) -> None:
    email = f"{new_id().hex}@bank.example"
    created = await intake.submit(requester={"email": email, "name": "Grace"})
    consumer = people_consumer(intake.database, RequesterIds(intake.settings))
    now = utc_now()
    for wanted, age in (("none", timedelta()), ("all", timedelta(days=1))):
        told = MailPreferencesSet(address_key=recipient_key(email), wanted=wanted, changed_at=now - age)
        await consumer.handle([told.envelope(str(new_id()), now)])
    page = page_of(intake, created, email)
    async with intake.browser() as browser:
        assert 'value="none" required checked' in (await browser.get(page)).text
        await send(browser, page, wanted="replies")
    await consumer.handle([told.envelope(str(new_id()), now)])
    assert await wanted_by(intake, email) == "replies"


async def test_one_provider_may_click_for_all_who_have_their_mail_there(intake: IntakeHarness) -> None:
    """More than the forms that one network may send in a minute, and as many for one address as a form."""
    created = await intake.submit()
    most = intake.settings.form_per_minute
    async with intake.browser() as browser:
        pages = [page_of(intake, created, f"{new_id().hex}@bank.example") for _ in range(most + 5)]
        answers = [await browser.post(page, data=ONE_CLICK) for page in pages]
        assert {one.status_code for one in answers} == {200}
        again = [(await browser.post(pages[0], data=ONE_CLICK)).status_code for _ in range(most)]
    assert 429 in again


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
async def test_no_other_request_unsubscribes(intake: IntakeHarness, method: str) -> None:
    """Programs that check mails follow their links, some with the words of the one click."""
    email = f"{new_id().hex}@bank.example"
    created = await intake.submit(requester={"email": email, "name": "Grace"})
    page = page_of(intake, created, email)
    async with intake.browser() as browser:
        answer = await browser.request(method, page, params=ONE_CLICK)
        assert answer.status_code == (200 if method == "GET" else 405)
        for words in ({}, {"List-Unsubscribe": "one-click"}, {"list-unsubscribe": "One-Click"}):
            assert (await browser.post(page, params=ONE_CLICK, data=words)).status_code == 403
    assert await wanted_by(intake, email) == "all"


async def test_one_click_comes_in_either_form_and_only_with_a_link_of_ours(intake: IntakeHarness) -> None:
    """RFC 8058 lets a mail program choose how to write the form; another one's link opens nothing of it."""
    email = f"{new_id().hex}@bank.example"
    created = await intake.submit(requester={"email": email, "name": "Grace"})
    page = page_of(intake, created, email)
    token = page.rpartition("/")[2]
    other = page_of(intake, created, "mallory@evil.example").rpartition("/")[2]
    mixed = [
        f"{token}x",
        token[:-1],
        f"{other.rpartition('.')[0]}.{token.rpartition('.')[2]}",
        f"{token.rpartition('.')[0]}.{other.rpartition('.')[2]}",
    ]
    async with intake.browser() as browser:
        for forged in mixed:
            answer = await browser.post(f"/mail-preferences/{forged}", data=ONE_CLICK)
            assert answer.status_code == 404
        assert await wanted_by(intake, email) == "all"
        several = await browser.post(page, files={"List-Unsubscribe": (None, "One-Click")})
        assert several.status_code == 200
    assert await wanted_by(intake, email) == "replies"


async def test_of_two_choices_made_at_once_the_newer_stays_whichever_is_written_last(intake: IntakeHarness) -> None:
    email = f"{new_id().hex}@bank.example"
    created = await intake.submit(requester={"email": email, "name": "Grace"})
    link, now = PreferenceLink(TicketId(UUID(created["id"])), email), utc_now()
    async with intake.database.begin() as session:
        await choose_mails(session, link, "none", now)
    async with intake.database.begin() as session:
        await choose_mails(session, link, "replies", now - timedelta(seconds=1))
    assert await wanted_by(intake, email) == "none"
