"""The portal in German and from right to left: the switch, scripts, and a telephone's width."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, expect

from deploy.local.engines import Stack
from tests.browser.chromium import overflows
from tests.browser.portal.portal_server import portal_under

PHONE: Any = {"width": 360, "height": 740}
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
PAGES = ("/", "/tickets/new", "/tickets/new?topic=online-banking", "/tickets/status", "/search?q=online", "/t/x")


@pytest.fixture(scope="module")
async def portal(engines: Stack) -> AsyncIterator[str]:
    """A portal that also offers the pseudo language."""
    async with portal_under(engines, languages="en de ar-XB") as url:
        yield url


async def test_the_switch_shows_every_page_in_german(browser: Browser, portal: str) -> None:
    page = await (await browser.new_context(viewport=PHONE, locale="en-US")).new_page()
    await page.goto(f"{portal}/search?q=zzz")
    await page.get_by_role("button", name="Deutsch").click()
    await expect(page.get_by_role("heading", name="Nichts gefunden für „zzz“")).to_be_visible()
    await expect(page.get_by_role("button", name="Farben: automatisch")).to_be_visible()
    assert await page.evaluate("document.documentElement.lang") == "de"
    await page.goto(f"{portal}/tickets/new?topic=online-banking")
    await expect(page.get_by_text("oder hierher ziehen")).to_be_visible()
    await page.get_by_label("Ihre E-Mail-Adresse").fill("nobody")
    await page.get_by_label("Ihr Name").focus()
    error = page.locator("#f-email-error")
    await expect(error).to_have_text("Geben Sie Ihre E-Mail-Adresse ein, zum Beispiel name@example.com")


async def test_pages_run_from_right_to_left_on_a_telephone(browser: Browser, portal: str) -> None:
    context = await browser.new_context(viewport=PHONE, locale="ar-XB", color_scheme="dark")
    page = await context.new_page()
    wrong: dict[str, list[str]] = {}
    for path in PAGES:
        await page.goto(portal + path)
        assert await page.evaluate("document.documentElement.dir") == "rtl"
        found = await Axe().run(page, options={"runOnly": WCAG, "resultTypes": ["violations"]})
        faults = [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found.response["violations"]]
        faults += ["scrolls sideways"] if await overflows(page) else []
        if faults:
            wrong[path] = faults
    assert wrong == {}
    brand = await page.locator(".brand").bounding_box()
    assert brand is not None
    assert brand["x"] + brand["width"] > PHONE["width"] - 40
