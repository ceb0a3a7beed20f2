"""The browser's own work: done while a person writes, or before the form is sent, under our content security policy."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, expect

from deploy.local.engines import Stack
from services.intake.settings import ChallengeMode
from tests.browser.portal_server import portal_under
from tests.browser.test_portal import chromium, fill, open_ticket  # noqa: F401 - a fixture
from tests.support.engines import own_engines  # noqa: F401 - a fixture


@pytest.fixture(scope="module")
async def portal(engines: Stack) -> AsyncIterator[str]:
    """A portal that always asks for work."""
    async with portal_under(engines, challenge=ChallengeMode.ALWAYS, challenge_bits=14) as address:
        yield address


async def test_a_browser_does_its_work_and_the_ticket_is_opened(
    chromium: Browser,  # noqa: F811
    portal: str,
) -> None:
    page = await chromium.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    assert "/t/" in await open_ticket(page, portal)
    assert complaints == []
    await page.close()


async def test_without_script_the_form_says_what_to_do(chromium: Browser, portal: str) -> None:  # noqa: F811
    page = await chromium.new_page(java_script_enabled=False)
    await page.goto(f"{portal}/tickets/new?topic=general")
    await expect(page.get_by_text("Please allow script for this page and send it again")).to_be_visible()
    await fill(page, Subject="Down", What_do_you_need="502", Your_name="Dana")
    await page.get_by_label("Your e-mail address").fill("dana@bank.example")
    await page.get_by_role("button", name="Open the ticket").click()
    await expect(page.get_by_text("Your ticket was not opened yet.")).to_be_visible()
    await expect(page.get_by_label("Subject")).to_have_value("Down")
    await page.close()
