"""The desk in a real browser: sign in, work on a ticket, read the report; without scripts and on a phone as well."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from shared.kit.clock import new_id, utc_now
from tests.browser.chromium import WIDTHS, page_of
from tests.browser.desk.signing_in import sign_in
from tests.services.assignment.desk import Desk, agent_id


async def test_an_agent_signs_in_finds_a_ticket_and_replies(address: str, browser: Browser, desk: Desk) -> None:
    ticket = await desk.ticket_of("ada")
    async with page_of(browser) as page:
        await sign_in(page, address)
        await page.get_by_role("link", name=ticket["number"]).click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Online banking system down")
        await page.get_by_label("Your reply").fill("We are on it.\nAda")
        await page.get_by_role("button", name="Send reply").click()
        await expect(page.get_by_role("status")).to_contain_text("Reply sent.")
        await expect(page.get_by_role("article", name="Reply by Ada Lindqvist")).to_contain_text("We are on it.")
        await expect(page.get_by_label("Facts")).to_contain_text("First response met")
        await page.get_by_text("Add a note for agents").click()
        await page.get_by_label("Note", exact=True).fill("Restarted the gateway.")
        await page.get_by_role("button", name="Add note").click()
        await expect(page.get_by_role("article", name="Internal note by Ada Lindqvist")).to_be_visible()
        await page.get_by_label("Your reply").fill("Done.")
        await page.get_by_role("button", name="Resolve with this reply").click()
        await expect(page.get_by_role("status")).to_contain_text("Reply sent. Resolved.")
        await page.get_by_role("button", name="Reopen").click()
        await expect(page.get_by_role("status")).to_contain_text("Reopened.")
        await page.get_by_role("button", name="Sign out").click()
        await page.goto(f"{address}/tickets/{ticket['number']}")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to the desk")


async def test_closing_asks_first_and_a_stale_page_says_what_changed(
    address: str,
    browser: Browser,
    desk: Desk,
) -> None:
    ticket, ada = await desk.ticket_of("ada"), await desk.agent("ada")
    path = f"/tickets/{ticket['number']}"
    async with page_of(browser) as page:
        await sign_in(page, address, path=path)
        await ada.post(f"/v1{path}/prioritise", {"priority": "urgent"})
        await desk.seen(ticket["id"], priority="urgent")
        await page.get_by_label("Your reply").fill("A careful answer.")
        await page.get_by_role("button", name="Send reply").click()
        await expect(page.get_by_role("status")).to_contain_text("priority from high to urgent")
        await expect(page.get_by_label("Your reply")).to_have_value("A careful answer.")
        await page.get_by_role("button", name="Send reply").click()
        await expect(page.get_by_role("status")).to_contain_text("Reply sent.")
        await page.locator("summary", has_text="Close").click()
        await page.get_by_label("Reason").select_option("resolved")
        await page.get_by_role("button", name="Close", exact=True).click()
        await page.get_by_role("dialog").get_by_role("button", name="Close").click()
        await expect(page.get_by_role("status")).to_contain_text("Closed.")
        await expect(page.get_by_role("button", name="Reopen")).to_be_visible()


async def test_everything_works_without_scripts(address: str, browser: Browser, desk: Desk) -> None:
    ticket = await desk.ticket_of("ada")
    async with page_of(browser, java_script_enabled=False) as page:
        await sign_in(page, address, path=f"/tickets/{ticket['number']}")
        await page.locator("summary", has_text="Put on hold").click()
        await page.get_by_label("Waiting for").select_option("vendor")
        await page.get_by_role("button", name="Put on hold", exact=True).click()
        await expect(page.get_by_role("status")).to_contain_text("On hold.")
        await page.get_by_role("button", name="Resume").click()
        await expect(page.get_by_role("status")).to_contain_text("Work goes on.")


async def test_a_viewer_is_offered_nothing_to_change(address: str, browser: Browser, desk: Desk) -> None:
    ticket = await desk.some_ticket()
    async with page_of(browser) as page:
        await sign_in(page, address, "vera", f"/tickets/{ticket['number']}")
        await expect(page.get_by_role("article").first).to_be_visible()
        assert await page.locator("main form").count() == 0
        elsewhere = await desk.ticket("access")
        await page.goto(f"{address}/tickets/{elsewhere['number']}")
        await expect(page.get_by_role("heading", level=1)).to_have_text("This is not here")


async def test_a_form_from_elsewhere_is_refused(address: str, browser: Browser, desk: Desk) -> None:
    ticket = await desk.some_ticket()
    async with page_of(browser) as page:
        await sign_in(page, address)
        forms: tuple[dict[str, str | float | bool], ...] = ({}, {"csrf_token": "guessed"})
        for form in forms:
            answer = await page.request.post(f"{address}/tickets/{ticket['number']}/pend", form=form)
            assert answer.status == 403
        await page.goto(f"{address}/?next=//evil.example/")
        assert page.url == f"{address}/queue"


@pytest.mark.parametrize("width", [390, 768, 1024, 1280, 1600])
async def test_every_menu_opens_inside_the_page(address: str, browser: Browser, desk: Desk, width: int) -> None:
    ticket = await desk.ticket_of("ada")
    async with page_of(browser, viewport={"width": width, "height": 900}) as page:
        await sign_in(page, address, path=f"/tickets/{ticket['number']}")
        menus = page.locator(".asking")
        assert await menus.count() >= 6
        for menu in await menus.all():
            await menu.locator("summary").click()
            box, button = await menu.locator("form").bounding_box(), await menu.locator("summary").bounding_box()
            assert box is not None
            assert button is not None
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= width
            assert 0 <= box["y"] - button["y"] - button["height"] < 20, "the menu is under its button"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", WIDTHS)
async def test_pages_fit_phones_and_desktops(
    address: str,
    browser: Browser,
    desk: Desk,
    device: str,
    scheme: str,
) -> None:
    ticket = await desk.some_ticket()
    viewport = {"width": WIDTHS[device], "height": 844}
    shots = os.environ.get("EVERDESK_SCREENSHOTS")
    async with page_of(browser, viewport=viewport, color_scheme=scheme) as page:
        await sign_in(page, address)
        for path in (
            "/queue?view=all",
            f"/tickets/{ticket['number']}",
            "/reports?group_by=agent",
            f"/queue?q={new_id()}",
        ):
            await page.goto(address + path)
            overflow = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert overflow <= 0, f"{path} is wider than the screen"
            if shots:
                name = path.strip("/").partition("?")[0].replace("/", "-")
                await page.screenshot(path=Path(shots) / f"{name}-{device}-{scheme}.png", full_page=True)


@pytest.mark.parametrize(("device", "scheme", "scripts"), [("desktop", "light", True), ("phone", "dark", False)])
async def test_the_page_says_why_a_promise_was_broken(
    address: str, browser: Browser, desk: Desk, device: str, scheme: str, *, scripts: bool
) -> None:
    ticket, ada = (
        await desk.ticket("online-banking", received_at=utc_now() - timedelta(hours=30)),
        await desk.agent("ada"),
    )
    path = f"/tickets/{ticket['number']}"
    for action, body in (
        ("assign", {"agent_id": str(agent_id("ada"))}),
        ("hold", {"reason": "vendor"}),
        ("resume", {}),
        ("resolve", {}),
    ):
        await ada.post(f"/v1{path}/{action}", body)
    await desk.seen(ticket["id"], status="resolved")
    viewport = {"width": WIDTHS[device], "height": 844}
    async with page_of(browser, viewport=viewport, color_scheme=scheme, java_script_enabled=scripts) as page:
        await sign_in(page, address, path=path)
        await page.get_by_role("link", name="SLA details").click()
        story = page.get_by_role("region", name="Clocks").locator("details", has_text="Resolution")
        await expect(story.get_by_text("Who held the time")).to_be_visible()
        await expect(story).to_contain_text("would have met it")
        await expect(story).to_contain_text("Nobody yet (triage)")
        await expect(story).to_contain_text("Standard, version 1")
        if scripts:
            overflow = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert overflow <= 0
        if shots := os.environ.get("EVERDESK_SCREENSHOTS"):
            await page.screenshot(path=Path(shots) / f"why-{device}-{scheme}.png", full_page=True)
