"""The queue in a real browser: rows keep up in place, many are selected at once, a ticket is read beside the list."""

import os
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from shared.kit.clock import new_id
from tests.browser.chromium import page_of
from tests.browser.desk.signing_in import sign_in
from tests.services.assignment.desk import Desk, Json

RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]}}


@pytest.fixture(scope="module")
async def some(desk: Desk) -> list[Json]:
    """Tickets with a word of their own."""
    word = "q" + "".join(chr(ord("a") + int(digit, 16)) for digit in new_id().hex[-10:])
    return [await desk.ticket("online-banking", subject=f"{word} number {number}") for number in range(3)]


def query_of(some: list[Json]) -> str:
    return f"/queue?view=all&sort=created_at&q={str(some[0]['subject']).split()[0]}"


async def shot(page: Page, name: str) -> None:
    if shots := os.environ.get("EVERDESK_SCREENSHOTS"):
        await page.screenshot(path=Path(shots) / f"{name}.png")


async def test_rows_change_in_place_and_new_tickets_are_announced(
    address: str, browser: Browser, desk: Desk, some: list[Json]
) -> None:
    ada = await desk.agent("ada")
    async with page_of(browser) as page:
        async with page.expect_response("**/queue/stream"):
            await sign_in(page, address, path=query_of(some))
        row = page.locator(f"#t-{some[1]['id']}")
        await row.get_by_role("checkbox").check()
        before = await row.bounding_box()
        await ada.post(f"/v1/tickets/{some[1]['id']}/prioritise", {"priority": "urgent"})
        await expect(row).to_contain_text("Urgent", timeout=15_000)
        await expect(row.get_by_role("checkbox")).to_be_checked()
        after = await row.bounding_box()
        assert before
        assert after
        assert (before["y"], before["height"]) == (after["y"], after["height"]), "nothing moves"
        new = await desk.ticket("online-banking", subject=some[0]["subject"])
        await expect(page.get_by_role("link", name="1 new ticket")).to_be_visible(timeout=15_000)
        await expect(page.locator(f"#t-{new['id']}")).to_have_count(0)
        assert await row.bounding_box() == after
        await page.get_by_role("link", name="1 new ticket").click()
        await expect(page.locator(f"#t-{new['id']}")).to_be_visible()


async def test_all_on_the_page_are_selected_and_a_ticket_is_read_beside_them(
    address: str, browser: Browser, some: list[Json]
) -> None:
    async with page_of(browser, viewport={"width": 1500, "height": 900}) as page:
        await sign_in(page, address, path=query_of(some))
        await page.get_by_label("Select all on this page").check()
        await expect(page.get_by_text("3 selected").or_(page.get_by_text("4 selected"))).to_be_visible()
        await page.get_by_role("button", name="Show preview").click()
        await page.goto(address + query_of(some))
        await page.get_by_role("link", name=some[0]["number"]).click()
        pane = page.get_by_label("Preview", exact=True)
        await expect(pane).to_contain_text("Login returns 502.")
        await expect(pane.get_by_role("link", name="Open the ticket")).to_be_visible()
        await shot(page, "queue-panes")
        await page.get_by_role("button", name="Hide preview").click()


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1280, "light")])
async def test_the_queue_and_its_pages_are_accessible(
    address: str, browser: Browser, some: list[Json], width: int, scheme: str
) -> None:
    async with page_of(browser, viewport={"width": width, "height": 800}, color_scheme=scheme) as page:
        await sign_in(page, address, path=query_of(some))
        await page.locator("summary", has_text="Filters").click()
        for name, path in (("list", ""), ("refused", "/queue?q=is:opne"), ("jobs", "/queue/jobs")):
            if path:
                await page.goto(address + path)
            found = await Axe().run(page, options=RULES)
            assert found.violations_count == 0, (name, found.generate_report())
            assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, name
            await shot(page, f"queue-{name}-{width}")
