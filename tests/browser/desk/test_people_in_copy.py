"""People in copy on the desk's ticket page: shown to all, decided about with and without scripts, on every screen."""

import os
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.browser.chromium import WIDTHS, page_of
from tests.browser.desk.signing_in import sign_in
from tests.services.assignment.conversation.test_participants import LEE, announce, changed, in_copy
from tests.services.assignment.desk import Desk

LONG = f"{'a-very-long-name-without-an-end-' * 2}@bank.example"


@pytest.mark.parametrize("scripts", [True, False])
async def test_an_agent_confirms_adds_and_removes(address: str, browser: Browser, desk: Desk, *, scripts: bool) -> None:
    ticket, ada = await desk.ticket(), await desk.agent("ada")
    await announce(desk, changed(ticket, "proposed", 1))
    async with page_of(browser, java_script_enabled=scripts) as page:
        await sign_in(page, address, path=f"/tickets/{ticket['number']}")
        people, status = page.get_by_role("list", name="People in copy"), page.get_by_role("status")
        await expect(people).to_contain_text("Named by a mail that proved nothing.")
        await expect(people).to_contain_text("In copy of a mail from dana@bank.example")
        await page.get_by_role("button", name=f"Confirm {LEE}").click()
        await expect(status).to_contain_text("They are asked by mail")
        await expect(people).to_contain_text("Invited")
        await page.get_by_text("Add somebody").click()
        await page.get_by_label("E-mail address").fill("dana@bank.example")
        await page.get_by_role("button", name="Invite").click()
        await expect(page.get_by_role("alert").first).to_contain_text("the requester's own address")
        await page.get_by_label("E-mail address").fill("Kim@bank.example")
        await page.get_by_role("button", name="Invite").click()
        await expect(people).to_contain_text("Added by Ada Lindqvist")
        await page.get_by_role("button", name=f"Remove {LEE}").click()
        if scripts:
            await page.get_by_role("dialog").get_by_role("button", name="Remove").click()
        await expect(status).to_contain_text("Removed.")
        await expect(people).not_to_contain_text(LEE)
    assert await in_copy(ada, ticket) == {"kim@bank.example": "invited"}


async def test_a_viewer_sees_them_and_decides_nothing(address: str, browser: Browser, desk: Desk) -> None:
    ticket = await desk.ticket()
    await announce(desk, changed(ticket, "proposed", 1))
    path = f"/tickets/{ticket['number']}"
    async with page_of(browser) as page:
        await sign_in(page, address, "vera", path)
        await expect(page.get_by_role("list", name="People in copy")).to_contain_text(LEE)
        assert await page.locator("main form").count() == 0
        for decision in ("add", "confirm", "remove"):
            forms: tuple[dict[str, str | float | bool], ...] = ({"email": LEE}, {"email": LEE, "csrf_token": "guessed"})
            for form in forms:
                answer = await page.request.post(f"{address}{path}/participants/{decision}", form=form)
                assert answer.status == 403


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", WIDTHS)
async def test_the_card_fits_phones_and_desktops(
    address: str, browser: Browser, desk: Desk, device: str, scheme: str
) -> None:
    ticket = await desk.ticket()
    await announce(
        desk,
        changed(ticket, "proposed", 1),
        changed(ticket, "joined", 3, "kim@bank.example", name="Kim Ray"),
        changed(ticket, "declined", 2, LONG, name=LONG, added_by=LONG),
    )
    viewport = {"width": WIDTHS[device], "height": 844}
    async with page_of(browser, viewport=viewport, color_scheme=scheme) as page:
        await sign_in(page, address, path=f"/tickets/{ticket['number']}")
        await page.get_by_text("Add somebody").click()
        assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        card = page.get_by_role("region", name="In copy")
        assert await card.evaluate("card => card.scrollWidth - card.clientWidth") <= 0
        if shots := os.environ.get("EVERDESK_SCREENSHOTS"):
            await card.screenshot(path=Path(shots) / f"people-{device}-{scheme}.png")
            await page.screenshot(path=Path(shots) / f"ticket-{device}-{scheme}.png", full_page=True)
