"""People choose which mails they get: by the page behind a link of their mails, or with one click in a mail program."""

from datetime import timedelta
from uuid import UUID

from services.intake.commands.mail_preferences import find_wanted
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
