"""The queue in a real browser: rows keep up in place, many are selected at once, a ticket is read beside the list."""

import os
import re
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
        bar = page.get_by_role("combobox", name="Bulk action")
        await expect(bar).to_be_hidden()
        await page.get_by_role("checkbox", name="Select all on this page").check()
        await expect(bar).to_be_visible()
        await expect(page.get_by_text("3 selected").or_(page.get_by_text("4 selected"))).to_be_visible()
        await page.get_by_role("button", name="Show preview").click()
        await page.goto(address + query_of(some))
        await page.get_by_role("link", name=some[0]["number"]).click()
        pane = page.get_by_label("Preview", exact=True)
        await expect(pane).to_contain_text("Login returns 502.")
        await expect(pane.get_by_role("link", name="Open the ticket")).to_be_visible()
        await shot(page, "queue-panes")
        await page.get_by_role("button", name="Hide preview").click()


async def test_the_head_of_a_column_sorts_by_it_and_once_more_the_other_way(
    address: str, browser: Browser, some: list[Json]
) -> None:
    async with page_of(browser) as page:
        await sign_in(page, address, path=query_of(some) + "&sort=due_at")
        due = page.get_by_role("columnheader", name="SLA due")
        await expect(due).to_have_attribute("aria-sort", "ascending")
        updated = page.get_by_role("columnheader", name="Updated")
        await updated.get_by_role("link").click()
        await expect(updated).to_have_attribute("aria-sort", "descending")
        await expect(page.get_by_label("Sort by")).to_have_value("-updated_at")
        await updated.get_by_role("link").click()
        await expect(updated).to_have_attribute("aria-sort", "ascending")
        await expect(due.get_by_role("link")).to_have_attribute("href", re.compile("sort=due_at"))


async def test_tickets_are_selected_and_worked_through_by_keys_alone(
    address: str, browser: Browser, some: list[Json]
) -> None:
    async with page_of(browser) as page:
        await sign_in(page, address, path=query_of(some))
        rows = page.locator("tr[data-ticket]")
        numbers = [str(await row.get_attribute("data-number")) for row in await rows.all()]
        await page.keyboard.press("j")
        await page.keyboard.press("s")
        await page.keyboard.press("j")
        await page.keyboard.press("s")
        await expect(page.get_by_text("2 selected")).to_be_visible()
        await expect(rows.nth(1).get_by_role("checkbox")).to_be_checked()
        await page.keyboard.press("b")
        await expect(page.get_by_role("combobox", name="Bulk action")).to_be_focused()
        await page.get_by_role("button", name="Cancel").click()
        await expect(page.get_by_role("combobox", name="Bulk action")).to_be_hidden()
        await expect(page.get_by_role("link", name=numbers[1])).to_be_focused()
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{address}/tickets/{numbers[1]}")
        await expect(page.get_by_text(f"2 of {len(numbers)} in the list")).to_be_visible()
        await page.keyboard.press("j")
        await page.wait_for_url(f"{address}/tickets/{numbers[2]}")
        await page.keyboard.press("k")
        await page.wait_for_url(f"{address}/tickets/{numbers[1]}")
        await page.get_by_role("main").get_by_role("link", name="Queue").click()
        await page.wait_for_url(address + query_of(some))


async def test_a_saved_view_has_the_columns_that_are_ticked_and_keeps_what_is_shown(
    address: str, browser: Browser, some: list[Json]
) -> None:
    async with page_of(browser) as page:
        await sign_in(page, address, path=query_of(some))
        await page.locator("summary", has_text="Save this list as a view").click()
        form = page.locator("form[action='/queue/views']")
        await form.get_by_label("Name").fill("My view")
        for column in ("From", "Updated"):
            await form.get_by_label(column).uncheck()
        await form.get_by_label("Topic").check()
        await form.get_by_role("button", name="Save").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("My view")
        await expect(page.get_by_role("columnheader", name="Topic")).to_be_visible()
        await expect(page.get_by_role("columnheader", name="Updated")).to_have_count(0)
        await page.get_by_role("columnheader", name="Priority").get_by_role("link").click()
        await page.locator("summary", has_text="Change this view").click()
        await page.get_by_label("Keep the filters and the order that are shown now").check()
        await page.get_by_role("button", name="Save the view").click()
        await expect(page.get_by_role("columnheader", name="Priority")).to_have_attribute("aria-sort", "descending")
        await page.locator("summary", has_text="Change this view").click()
        await page.get_by_role("button", name="Delete this view").click()
        await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        await expect(page.get_by_text("The view is deleted.")).to_be_visible()


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
