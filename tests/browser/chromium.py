"""Chromium for tests and pictures, and what a page of it is asked."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

from tests.support.sizes import either

BROWSERS = ("/usr/bin/chromium-headless-shell", "/usr/bin/chromium")
"""The first that there is: without the window that nobody sees, a test of pages takes half of the processor's time."""
CHROMIUM = next((path for path in map(Path, BROWSERS) if path.exists()), Path(BROWSERS[-1]))
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
WIDTHS = {"phone": 390, "desktop": 1280}
LOOKS: tuple[tuple[str, str], ...] = either(
    (("desktop", "light"), ("phone", "dark")),
    (("desktop", "light"), ("desktop", "dark"), ("phone", "light"), ("phone", "dark")),
)
"""Devices and colour schemes in which every page is looked at: each of them once, or all of them together."""


@asynccontextmanager
async def launched() -> AsyncIterator[Browser]:
    """A browser, as `make test` installs it."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        await browser.close()


@asynccontextmanager
async def page_of(browser: Browser, **options: Any) -> AsyncIterator[Page]:
    """A page in a profile of its own; an error in a script, or a refused one, fails the test."""
    context = await browser.new_context(**({"viewport": {"width": WIDTHS["desktop"], "height": 900}} | options))
    page = await context.new_page()
    page.set_default_timeout(15_000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    await context.close()
    assert errors == []


async def overflows(page: Page) -> bool:
    """Whether the page can be scrolled sideways."""
    return bool(await page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))
