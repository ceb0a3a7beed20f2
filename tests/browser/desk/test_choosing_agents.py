"""Choosing agents on the desk: what agents can take, how teams give out tickets, who is online, and why somebody."""

import os
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, expect

from tests.browser.chromium import LOOKS, WIDTHS, page_of
from tests.browser.desk.signing_in import sign_in
from tests.services.assignment.desk import Desk
from tests.services.assignment.routing.routed_team import RoutedTeam


async def test_an_administrator_sets_what_an_agent_can_take_and_how_a_team_gives_out(
    address: str, browser: Browser, desk: Desk
) -> None:
    team = await RoutedTeam.made(desk, [{}, {}])
    agent, delegate = team.agents
    name = (await team.admin.get(f"/v1/agents/{delegate}"))["name"]
    async with page_of(browser) as page:
        await sign_in(page, address, path=f"/admin/agents/{agent}")
        await page.get_by_label("Skills").fill("payments:9")
        await page.get_by_role("button", name="Save", exact=True).click()
        await expect(page.get_by_role("alert")).to_be_visible()
        await page.get_by_label("Skills").fill("payments:4, german")
        await page.get_by_label("Capacity").fill("12")
        await page.get_by_label("Urgent takes").fill("2")
        await page.get_by_label("Availability").select_option("away")
        await page.get_by_label("Working hours").select_option("always")
        await page.get_by_label("Out of office from").fill("2027-01-04")
        await page.get_by_label("Until, included").fill("2027-01-08")
        await page.get_by_label("Delegate").select_option(label=name)
        await page.get_by_role("button", name="Save", exact=True).click()
        await expect(page.locator(".notice").first).to_contain_text("was saved")
        await page.goto(f"{address}/admin/teams/{team.team}")
        await page.get_by_label("Who gets a ticket").select_option("round_robin")
        await page.get_by_label("Offer it first").fill("90")
        await page.get_by_label("Tickets that lost").select_option("route")
        await page.get_by_role("button", name="Save", exact=True).click()
        await expect(page.locator(".notice").first).to_contain_text("was saved")
    saved = await team.admin.get(f"/v1/agents/{agent}")
    assert (saved["skill_levels"], saved["capacity"]) == ({"payments": 4, "german": 1}, 12)
    assert (saved["priority_weights"], saved["availability"], saved["calendar"]) == ({"urgent": 2}, "away", "always")
    days = {"first_day": "2027-01-04", "last_day": "2027-01-08", "delegate_id": delegate}
    assert saved["out_of_office"] == [days]
    changed = await team.admin.get(f"/v1/teams/{team.team}")
    assert (changed["strategy"], changed["offer_seconds"], changed["handover"]) == ("round_robin", 90, "route")


@pytest.mark.parametrize("has_script", [True, False])
async def test_an_agent_says_on_any_page_whether_they_take_tickets(
    address: str, browser: Browser, desk: Desk, *, has_script: bool
) -> None:
    chioma = await desk.agent("chioma")
    async with page_of(browser, java_script_enabled=has_script) as page:
        await sign_in(page, address, "chioma", "/reports")
        try:
            await page.locator(".availability > summary").click()
            await page.get_by_role("button", name="Away").click()
            await expect(page.locator(".availability > summary")).to_contain_text("Away")
            assert page.url == f"{address}/reports"
            assert (await chioma.get("/v1/me"))["agent"]["availability"] == "away"
        finally:
            await chioma.send("PUT", "/v1/me/availability", json={"availability": "online"})


@pytest.mark.parametrize(("device", "scheme"), LOOKS)
async def test_the_ticket_says_why_in_one_sentence_with_the_details_behind(
    address: str, browser: Browser, desk: Desk, device: str, scheme: str
) -> None:
    knows = {"skill_levels": {"payments": 3}}
    team = await RoutedTeam.made(
        desk, [knows, knows, {}, {"availability": "offline"}], {"skills": ["payments"]}, strategy="round_robin"
    )
    ticket = await team.ticket()
    async with page_of(browser, viewport={"width": WIDTHS[device], "height": 844}, color_scheme=scheme) as page:
        await sign_in(page, address, path=f"/tickets/{ticket['number']}")
        name = ticket["assignee"]["name"]
        sentence = f"Assigned to {name}: longest since their last ticket among 2 available with skill payments."
        await expect(page.locator(".decision-sentence")).to_have_text(sentence)
        await page.locator("summary", has=page.locator(".decision-sentence")).click()
        await expect(page.get_by_text("Without a skill it needs").first).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= WIDTHS[device]
        found = await Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        await page.locator(".availability > summary").click()
        if shots := os.environ.get("EVERDESK_SCREENSHOTS"):
            await page.screenshot(path=Path(shots) / f"why-{device}-{scheme}.png", full_page=True)
