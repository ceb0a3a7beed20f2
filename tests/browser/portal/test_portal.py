"""The portal in a real browser: without script, with script, on a phone, in the dark."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Locator, Page, expect

from services.intake.settings import IntakeSettings
from tests.browser.chromium import LOOKS, overflows, page_of
from tests.browser.portal.mailed import follow_the_mailed_link

PHONE = {"width": 360, "height": 740}
DESKTOP = {"width": 1280, "height": 900}
SIZES = {"phone": PHONE, "desktop": DESKTOP}
SIZED_LOOKS = [pytest.param(SIZES[device], scheme, id=f"{device}-{scheme}") for device, scheme in LOOKS]


async def fill(page: Page, **fields: str) -> None:
    """Fills in fields by their labels."""
    for label, text in fields.items():
        await page.get_by_label(label.replace("_", " ")).fill(text)


async def open_ticket(page: Page, portal: str) -> str:
    """Opens a ticket as a person would, and returns the path of its thread."""
    await page.goto(portal)
    await page.get_by_role("main").get_by_role("link", name="Open a ticket").click()
    await page.get_by_role("link", name="Online banking").click()
    await fill(
        page,
        Subject="Online banking system down",
        What_do_you_need="Log-in answers 502.\nSince nine o'clock.",
        **{"Your_e-mail_address": "dana@bank.example"},
        Your_name="Dana Ruiz",
    )
    await page.get_by_role("button", name="Open the ticket").click()
    await expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    return await follow_the_mailed_link(page)


@pytest.mark.parametrize("has_script", [True, False], ids=["with script", "without script"])
async def test_someone_opens_a_ticket_and_writes_again(browser: Browser, portal: str, has_script: bool) -> None:
    page = await browser.new_page(java_script_enabled=has_script)
    await open_ticket(page, portal)
    await expect(page.get_by_role("heading", name="Online banking system down")).to_be_visible()
    await expect(page.get_by_text("Received", exact=True)).to_be_visible()
    await page.get_by_label("Write to us").fill("It still does not work.")
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_text("Your message has been added.")).to_be_visible()
    await expect(page.get_by_role("article")).to_have_count(2)
    await page.get_by_role("link", name="Close this ticket").click()
    await expect(page.get_by_role("heading", name=re.compile("Close ticket"))).to_be_visible()
    await page.get_by_role("link", name="Keep it open").click()
    await expect(page.get_by_role("article")).to_have_count(2)
    await page.close()


async def test_mistakes_are_said_at_their_fields_and_nothing_is_lost(browser: Browser, portal: str) -> None:
    page = await browser.new_page()
    await page.goto(f"{portal}/tickets/new?topic=access")
    await fill(page, Subject="Locked out", **{"Your_e-mail_address": "dana"})
    await page.get_by_role("button", name="Open the ticket").click()
    await expect(page.get_by_role("alert")).to_be_focused()
    email = page.get_by_label("Your e-mail address")
    await expect(email).to_have_attribute("aria-invalid", "true")
    await expect(email).to_have_accessible_description(re.compile("Enter your e-mail address"))
    await expect(email).to_have_value("dana")
    await expect(page.get_by_label("Subject")).to_have_value("Locked out")
    await expect(page.get_by_label("What is it about?")).to_have_value("access")
    await page.get_by_role("link", name="Enter your name").click()
    await expect(page.get_by_label("Your name")).to_be_focused()
    await page.close()


async def test_a_lost_link_is_asked_for(browser: Browser, portal: str) -> None:
    page = await browser.new_page()
    await page.goto(portal)
    await page.get_by_role("main").get_by_role("link", name="Check ticket status").click()
    await fill(page, **{"Your_e-mail_address": "dana@bank.example"}, Ticket_number="100001")
    await page.get_by_role("button", name="Mail me the link").click()
    await expect(page.get_by_role("heading", name="Look into your mail")).to_be_visible()
    await page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
async def test_every_page_fits(browser: Browser, portal: str, tmp_path: Path, size: Any, scheme: Any) -> None:
    context = await browser.new_context(viewport=size, color_scheme=scheme)
    page = await context.new_page()
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    thread = await open_ticket(page, portal)
    for name, path in {
        "home": "/",
        "topics": "/tickets/new",
        "new": "/tickets/new?topic=report-problem",
        "status": "/tickets/status",
        "thread": thread.removeprefix(portal),
        "close": f"{thread.removeprefix(portal)}/close",
    }.items():
        await page.goto(portal + path)
        await page.screenshot(path=tmp_path / f"{name}.png", full_page=True)
        assert not await overflows(page), f"{name} scrolls sideways"
        assert await page.locator("h1").count() == 1
    await page.goto(f"{portal}/tickets/new?topic=access")
    await page.get_by_role("button", name="Open the ticket").click()
    await page.screenshot(path=tmp_path / "errors.png", full_page=True)
    assert [text for text in problems if "422" not in text] == []
    await context.close()


@pytest.mark.parametrize("has_script", [True, False])
async def test_what_was_sent_already_can_be_sent_anyway(
    browser: Browser, portal: str, monkeypatch: pytest.MonkeyPatch, *, has_script: bool
) -> None:
    monkeypatch.setattr(IntakeSettings, "repeat_window", timedelta(minutes=10))
    page = await browser.new_page(java_script_enabled=has_script)
    for _ in range(2):
        await page.goto(f"{portal}/tickets/new?topic=access")
        await fill(page, Subject="Sent twice", What_do_you_need=f"Script: {has_script}", Your_name="Dana")
        await page.get_by_label("Your e-mail address").fill("dana@bank.example")
        await page.get_by_role("button", name="Open the ticket").last.click()
    await expect(page.get_by_text("You have sent this already.")).to_be_visible()
    await expect(page.get_by_label("Subject")).to_have_value("Sent twice")
    await page.get_by_role("button", name="Send anyway").click()
    await expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    await page.close()


@pytest.mark.parametrize(("size", "scheme"), [(PHONE, "dark"), (DESKTOP, "light")], ids=["phone", "desktop"])
async def test_being_asked_about_a_repetition_is_clear_by_eye_and_by_keyboard(
    browser: Browser, portal: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: Any, scheme: Any
) -> None:
    async with page_of(browser, viewport=size, color_scheme=scheme) as page:
        thread = await open_ticket(page, portal)
        monkeypatch.setattr(IntakeSettings, "repeat_window", timedelta(minutes=10))
        words = f"It is still down, {scheme}, {size['width']}."
        for shown in ("Your message has been added.", "You have sent this message already"):
            await page.goto(thread)
            await page.get_by_label("Write to us").fill(words)
            await page.get_by_role("button", name="Send").click()
            await expect(page.get_by_text(shown)).to_be_visible()
        await _is_asked(page, page.get_by_text("You have sent this message already"), tmp_path / "thread.png")
        await expect(page.get_by_label("Write to us")).to_have_value(words)
        await _press(page, "Send anyway")
        await expect(page.get_by_text("Your message has been added.")).to_be_visible()
        await expect(page.get_by_role("article")).to_have_count(3)

        for shown in ("Thank you", "You have sent this already."):
            await page.goto(f"{portal}/tickets/new?topic=access")
            await fill(page, Subject="Sent twice", What_do_you_need=words, Your_name="Dana")
            await page.get_by_label("Your e-mail address").fill("dana@bank.example")
            await page.get_by_role("button", name="Open the ticket").last.click()
            await expect(page.get_by_text(shown).first).to_be_visible()
        await _is_asked(page, page.get_by_text("You have sent this already."), tmp_path / "new.png")
        await _press(page, "Send anyway")
        await expect(page.get_by_role("heading", name="Thank you")).to_be_visible()


async def _is_asked(page: Page, notice: Locator, picture: Path) -> None:
    """The notice has the focus and is in sight, nothing scrolls sideways, and axe finds nothing."""
    await expect(notice).to_be_visible()
    await page.screenshot(path=picture, full_page=True)
    await page.screenshot(path=picture.with_stem(f"{picture.stem}-first"))
    await expect(
        page.locator("[data-focus]").filter(has=notice).or_(notice.and_(page.locator("[data-focus]")))
    ).to_be_focused()
    await expect(notice).to_be_in_viewport()
    assert not await overflows(page)
    found = await Axe().run(page)
    assert found.response["violations"] == [], found.generate_report()


async def _press(page: Page, button: str) -> None:
    """Goes to a button by the Tab key from where the focus is, and presses it."""
    wanted = page.get_by_role("button", name=button)
    for _ in range(40):
        await page.keyboard.press("Tab")
        if await wanted.evaluate("button => button === document.activeElement"):
            await page.keyboard.press("Enter")
            return
    raise AssertionError(f"{button} is not reached by Tab")
