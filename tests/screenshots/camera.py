"""Takes the pictures: Chromium at a desktop's and a phone's size, in light and dark."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, BrowserContext, Page, ViewportSize

from tests.browser.chromium import launched
from tests.screenshots.sample_tickets import Scene

DESKTOP = ViewportSize(width=1280, height=800)
PHONE = ViewportSize(width=390, height=780)
SIZES = (DESKTOP, PHONE)
Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")
AS_WEBP = """async (png) => {
  const bytes = Uint8Array.from(atob(png), (one) => one.charCodeAt(0));
  const picture = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
  const canvas = Object.assign(document.createElement("canvas"), { width: picture.width, height: picture.height });
  canvas.getContext("2d").drawImage(picture, 0, 0);
  return canvas.toDataURL("image/webp", 0.9).split(",")[1];
}"""
HALF_A_REPLY = (
    "Dear Dana,\n\nthe new certificate is in place since **09:40**. Please\n\n1. close the browser,\n"
    "2. log in again,\n3. tell us if you still see `502`."
)


@dataclass(frozen=True)
class Camera:
    """One browser; each picture replaces the file of the same name."""

    browser: Browser
    darkroom: Page
    """A page in which pictures are made small: WebP takes a third of PNG."""
    folder: Path

    @classmethod
    @asynccontextmanager
    async def opened(cls, folder: Path) -> AsyncIterator["Camera"]:
        async with launched() as browser:
            yield cls(browser, await browser.new_page(), folder)

    async def take_all(self, scene: Scene) -> None:
        """Every screen in light and dark, on a desktop and a phone."""
        for theme, size in product(THEMES, SIZES):
            suffix = ("" if theme == "light" else "-dark") + ("" if size is DESKTOP else "-phone")
            async with self._context(theme, size) as context:
                await self._portal(await context.new_page(), scene, suffix)
                await self._desk(await self._signed_in(context, scene), scene, suffix)

    async def _portal(self, page: Page, scene: Scene, suffix: str) -> None:
        """Start page, form and thread, as requesters see them."""
        await self._take(page, scene.portal_url + "/", f"portal-home{suffix}")
        await self._take(page, f"{scene.portal_url}/tickets/new?topic=online-banking", f"portal-new-ticket{suffix}")
        await self._take(page, scene.portal_url + scene.thread_path, f"portal-ticket{suffix}")

    async def _desk(self, page: Page, scene: Scene, suffix: str) -> None:
        """What agents and administrators see: queue, ticket, its menus and editors, report, agents."""
        ticket = f"{scene.desk_url}/tickets/{scene.number}"
        await self._take(page, f"{scene.desk_url}/queue?view=all", f"desk-queue{suffix}")
        await self._take(page, ticket, f"desk-ticket{suffix}")
        await self._take(page, f"{ticket}/sla", f"desk-sla{suffix}")
        await page.goto(ticket)
        await page.get_by_label("Your reply").fill(HALF_A_REPLY)
        await page.get_by_role("button", name="Preview").first.click()
        await page.get_by_role("region", name="Preview").wait_for()
        await self._keep(page, f"desk-reply{suffix}")
        await page.get_by_label("Your reply").fill("")
        await page.goto(ticket)
        await page.locator("summary", has_text="Close").first.click()
        await self._keep(page, f"desk-close{suffix}")
        await page.goto(ticket)
        await page.keyboard.press("Control+k")
        await page.get_by_role("combobox", name="Command").wait_for()
        await self._keep(page, f"desk-palette{suffix}")
        await self._take(page, f"{scene.desk_url}/reports", f"desk-report{suffix}")
        await self._take(page, f"{scene.desk_url}/admin/agents", f"desk-agents{suffix}")

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
        await self._keep(page, name)

    async def _keep(self, page: Page, name: str) -> None:
        shot = await page.screenshot(animations="disabled")
        developed = await self.darkroom.evaluate(AS_WEBP, base64.b64encode(shot).decode())
        (self.folder / f"{name}.webp").write_bytes(base64.b64decode(developed))
