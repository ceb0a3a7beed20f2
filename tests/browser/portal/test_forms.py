"""The form for a new ticket in a real browser: what a topic asks, with script and without."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from deploy.local.engines import Stack
from services.intake.commands.announcements import AnnouncementContent, create_announcement
from services.intake.commands.topics import TopicContent, create_topic
from services.intake.forms import Form
from services.intake.settings import IntakeSettings
from shared.kit.db import Database
from tests.browser.chromium import overflows
from tests.browser.portal.mailed import follow_the_mailed_link
from tests.browser.portal.test_portal import SIZED_LOOKS
from tests.support.settings import common_environment

CHOICES = [{"key": "web", "label": "Website"}, {"key": "atm", "label": "Cash point"}]
FIELDS: list[dict[str, Any]] = [
    {"kind": "choice", "name": "system", "label": "Which system?", "required": True, "choices": CHOICES},
    {"kind": "text", "name": "place", "label": "Where is it?", "hint": "The street", "required": True,
     "shown_if": {"field": "system", "is": "atm"}},
    {"kind": "checkbox", "name": "is_dark", "label": "It is dark there", "shown_if": {"field": "place", "is": "here"}},
    {"kind": "multi_choice", "name": "signs", "label": "What do you notice?", "hint": "Tick what fits",
     "choices": [{"key": "slow", "label": "It is slow"}, {"key": "loud", "label": "It is loud"}]},
    {"kind": "number", "name": "amount", "label": "Amount", "min": 1, "max": 500},
    {"kind": "date", "name": "since", "label": "Since when?"},
    {"kind": "email", "name": "colleague", "label": "A colleague's address"},
    {"kind": "phone", "name": "call", "label": "Where to call you"},
    {"kind": "long_text", "name": "steps", "label": "What you did"},
    {"kind": "choice", "name": "way", "label": "How to answer you", "choices": CHOICES},
    {"kind": "checkbox", "name": "agreed", "label": "I have read the terms", "required": True},
]  # fmt: skip
NEWS = "Cash points rest on **Sunday** from two to four. *Cards work as usual.*"


@pytest.fixture(scope="module")
async def centre(engines: Stack, portal: str) -> str:
    """The address of a portal with a topic that asks for everything, and something to announce."""
    common = {name.removeprefix("EVERDESK_").lower(): value for name, value in common_environment(engines).items()}
    values: dict[str, Any] = {name: common[name] for name in common.keys() & IntakeSettings.model_fields.keys()}
    database = Database.connect(IntakeSettings(**values, database_url=engines.postgres.url("intake")))
    async with database.begin() as session:
        form = Form.parse(FIELDS)
        await create_topic(session, TopicContent(slug="everything", name="Cash points", description="All", form=form))
        await create_announcement(session, AnnouncementContent(title="Maintenance on Sunday", body=NEWS))
        urgent = AnnouncementContent(title="Cards do not work abroad", body="We are on it.", is_urgent=True)
        await create_announcement(session, urgent)
    await database.dispose()
    return portal


@pytest.fixture
async def page(browser: Browser) -> AsyncIterator[Page]:
    """A page with script."""
    page = await browser.new_page()
    yield page
    await page.close()


async def asked(page: Page, centre: str) -> None:
    """Opens the form of the topic that asks for everything, once the page knows it."""
    await page.goto(f"{centre}/tickets/new")
    while not await page.get_by_role("link", name="Cash points").count():
        await page.reload()
    await page.get_by_role("link", name="Cash points").click()


async def fill_in_the_rest(page: Page) -> None:
    """What every request needs."""
    await page.get_by_label("Subject").fill("The cash point is loud")
    await page.get_by_label("What do you need?").fill("Silence.")
    await page.get_by_label("Your e-mail address").fill("dana@bank.example")
    await page.get_by_label("Your name").fill("Dana Ruiz")
    await page.get_by_label("I have read the terms").check()


async def test_questions_come_and_go_with_the_answers_before_them(page: Page, centre: str) -> None:
    await asked(page, centre)
    place, dark = page.get_by_label("Where is it?"), page.get_by_label("It is dark there")
    await expect(place).to_be_hidden()
    await expect(page.get_by_text("Only if")).to_have_count(2)
    await expect(page.get_by_text("Only if").first).to_be_hidden()
    await page.get_by_label("Cash point").check()
    await expect(place).to_be_visible()
    await expect(page.locator("[data-told]")).to_have_text("Also asked now: Where is it?")
    await place.fill("here")
    await expect(dark).to_be_visible()
    await page.get_by_label("Website").check()
    await expect(place).to_be_hidden()
    await expect(dark).to_be_hidden()
    await fill_in_the_rest(page)
    await page.get_by_role("button", name="Open the ticket").click()
    await expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    await follow_the_mailed_link(page)
    await expect(page.get_by_text("Which system?")).to_be_visible()
    await expect(page.get_by_text("Where is it?")).to_have_count(0)


async def test_what_is_wrong_is_said_when_a_field_is_left_and_unsaid_when_it_is_right(page: Page, centre: str) -> None:
    await asked(page, centre)
    amount = page.get_by_label("Amount")
    await amount.focus()
    await page.keyboard.press("Tab")
    await expect(amount).not_to_have_attribute("aria-invalid", "true")
    await amount.fill("900")
    await page.keyboard.press("Tab")
    await expect(amount).to_have_attribute("aria-invalid", "true")
    await expect(amount).to_have_accessible_description(re.compile("must be a number from 1 to 500"))
    await expect(page.locator("[data-told]")).to_have_text(re.compile("must be a number from 1 to 500"))
    await amount.fill("90")
    await expect(amount).not_to_have_attribute("aria-invalid", "true")
    await expect(page.get_by_text("must be a number")).to_have_count(1)


async def test_the_enter_key_sends_the_form_and_does_not_change_the_topic(page: Page, centre: str) -> None:
    await asked(page, centre)
    await page.get_by_label("Website").check()
    await fill_in_the_rest(page)
    await page.get_by_label("Your name").press("Enter")
    await expect(page.get_by_role("heading", name="Thank you")).to_be_visible()


async def test_without_script_everything_is_asked_and_the_topic_can_be_changed(
    browser: Browser,
    centre: str,
) -> None:
    page = await browser.new_page(java_script_enabled=False)
    await asked(page, centre)
    await expect(page.get_by_label("Where is it?")).to_be_visible()
    await expect(page.get_by_text("Only if you answered \u201cCash point\u201d")).to_be_visible()
    await fill_in_the_rest(page)
    await page.get_by_role("button", name="Open the ticket").click()
    await page.get_by_role("link", name="\u201cWhich system?\u201d is required").click()
    await expect(page.get_by_label("Website")).to_be_focused()
    await page.get_by_label("What is it about?").select_option("Online banking")
    await page.get_by_role("button", name="Change topic").click()
    await expect(page.get_by_label("Which part of it?")).to_be_visible()
    await expect(page.get_by_label("Subject")).to_have_value("The cash point is loud")
    await page.get_by_role("button", name="Open the ticket").click()
    await expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    await page.close()


async def test_another_topic_brings_its_questions_at_once_and_keeps_what_is_written(page: Page, centre: str) -> None:
    await asked(page, centre)
    await page.get_by_label("Subject").fill("The cash point is loud")
    await expect(page.get_by_role("button", name="Change topic")).to_be_hidden()
    await page.get_by_label("What is it about?").select_option("Online banking")
    await expect(page.get_by_label("Which part of it?")).to_be_visible()
    await expect(page.get_by_label("Website")).to_have_count(0)
    await expect(page.get_by_label("Subject")).to_have_value("The cash point is loud")
    await page.get_by_label("What do you need?").fill("Silence, on every branch's cash point.")
    await page.get_by_label("Your e-mail address").fill("dana@bank.example")
    await page.get_by_label("Your name").fill("Dana Ruiz")
    await page.get_by_role("button", name="Open the ticket").click()
    await expect(page.get_by_role("heading", name="Thank you")).to_be_visible()


async def test_something_is_searched_and_found(page: Page, centre: str) -> None:
    await page.goto(centre)
    await page.get_by_role("searchbox", name="Search the support centre").fill("password")
    await page.get_by_role("button", name="Search").click()
    await expect(page.get_by_role("link", name="Access and accounts")).to_be_visible()


@pytest.mark.soak
@pytest.mark.parametrize(("size", "scheme"), SIZED_LOOKS)
async def test_the_pages_fit_and_are_accessible(
    browser: Browser,
    centre: str,
    tmp_path: Path,
    size: Any,
    scheme: Any,
) -> None:
    context = await browser.new_context(viewport=size, color_scheme=scheme, bypass_csp=True)
    page = await context.new_page()

    async def is_fit(name: str) -> None:
        await page.screenshot(path=tmp_path / f"{name}.png", full_page=True)
        assert not await overflows(page), f"{name} scrolls sideways"
        found = await Axe().run(page)
        assert found.violations_count == 0, found.generate_report()

    for name, path in {
        "home": "/",
        "topics": "/tickets/new",
        "found": "/search?q=cash",
        "none": "/search?q=zx",
    }.items():
        await page.goto(centre + path)
        await is_fit(name)
    await asked(page, centre)
    await is_fit("new")
    await page.get_by_label("Cash point").check()
    await page.get_by_label("Amount").fill("900")
    await page.get_by_role("button", name="Open the ticket").click()
    await expect(page.get_by_role("alert")).to_be_focused()
    await is_fit("errors")
    await fill_in_the_rest(page)
    await page.get_by_label("Where is it?").fill("Harbour Street, beside the old customs house")
    await page.get_by_label("It is slow").check()
    await page.get_by_label("Amount").fill("90")
    await page.get_by_role("button", name="Open the ticket").click()
    await follow_the_mailed_link(page)
    await expect(page.get_by_text("Harbour Street")).to_be_visible()
    await is_fit("answers")
    await context.close()
