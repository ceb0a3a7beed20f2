"""Takes the pictures: Chromium at a desktop's and a phone's size, in light and dark."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, BrowserContext, Page, ViewportSize

from tests.browser.chromium import launched
from tests.screenshots.sample_tickets import Scene

DESKTOP = ViewportSize(width=1280, height=800)
PHONE = ViewportSize(width=390, height=780)
Theme = Literal["light", "dark"]


@dataclass(frozen=True)
class Camera:
    """One browser; each picture replaces the file of the same name."""

    browser: Browser
    folder: Path

    @classmethod
    @asynccontextmanager
    async def opened(cls, folder: Path) -> AsyncIterator["Camera"]:
        async with launched() as browser:
            yield cls(browser, folder)

    async def portal(self, scene: Scene) -> None:
        """Start page, form and thread, as requesters see them."""
        async with self._context("light", DESKTOP) as context:
            page = await context.new_page()
            await self._take(page, scene.portal_url + "/", "portal-home")
            await self._take(page, f"{scene.portal_url}/tickets/new?topic=online-banking", "portal-new-ticket")
            await self._take(page, scene.portal_url + scene.thread_path, "portal-ticket")
        async with self._context("light", PHONE) as context:
            await self._take(await context.new_page(), scene.portal_url + scene.thread_path, "portal-ticket-phone")

    async def desk(self, scene: Scene) -> None:
        """Queue, ticket and report, as agents see them."""
        for theme in ("light", "dark"):
            async with self._context(theme, DESKTOP) as context:
                page = await self._signed_in(context, scene)
                suffix = "" if theme == "light" else "-dark"
                await self._take(page, f"{scene.desk_url}/queue?view=all", f"desk-queue{suffix}")
                await self._take(page, f"{scene.desk_url}/tickets/{scene.number}", f"desk-ticket{suffix}")
                if theme == "light":
                    await self._take(page, f"{scene.desk_url}/reports", "desk-report")
        async with self._context("light", PHONE) as context:
            page = await self._signed_in(context, scene)
            await self._take(page, f"{scene.desk_url}/tickets/{scene.number}", "desk-ticket-phone")

    @asynccontextmanager
    async def _context(self, theme: Theme, size: ViewportSize) -> AsyncIterator[BrowserContext]:
        context = await self.browser.new_context(
            viewport=size, color_scheme=theme, locale="en-GB", timezone_id="Europe/London", reduced_motion="reduce"
        )
        yield context
        await context.close()

    async def _signed_in(self, context: BrowserContext, scene: Scene) -> Page:
        page = await context.new_page()
        await page.goto(f"{scene.desk_url}/queue")
        await page.get_by_label("E-mail address").fill(scene.agent["email"])
        await page.get_by_label("Password").fill(scene.agent["password"])
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url(f"{scene.desk_url}/queue")
        return page

    async def _take(self, page: Page, url: str, name: str) -> None:
        answer = await page.goto(url)
        if answer is None or not answer.ok:
            raise RuntimeError(f"{name}: {url.partition('?')[0]} answered {answer and answer.status}")
        await page.screenshot(path=self.folder / f"{name}.png", animations="disabled")
