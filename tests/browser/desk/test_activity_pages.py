"""The pages of activity, arrivals, backlog and workload: what they say, and that everybody can read them."""

from datetime import timedelta
from uuid import UUID

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, expect

from shared.kit.clock import utc_now
from tests.browser.chromium import LOOKS, WIDTHS, page_of
from tests.browser.desk.signing_in import sign_in
from tests.services.assignment.desk import Desk, Json, agent_id
from tests.services.assignment.reporting.test_activity_reports import log, logged
from tests.services.assignment.reporting.test_reports import a_team
from tests.services.assignment.reporting.test_satisfaction import question, rated, take
from tests.services.assignment.reporting.test_saved_reports import WEEKLY

PAGES = (
    "activity",
    "times",
    "arrivals",
    "backlog",
    "workload",
    "boards",
    "tickets",
    "what-if",
    "staffing",
    "csat",
    "saved?report=csat",
    "schedules",
)


async def save_and_schedule(desk: Desk) -> None:
    """A saved report of Ada's, and one by mail."""
    ada = await desk.agent("ada")
    await ada.post("/v1/saved-reports", {"name": "Satisfaction of the month", "report": "csat"}, expect=201)
    body: Json = {"name": "Activity on Mondays", "report": "activity", "recipients": [str(agent_id("ada"))], **WEEKLY}
    await ada.post("/v1/report-schedules", body, expect=201)


async def test_a_lead_reads_what_happened_and_asks_again_for_one_team(
    address: str, browser: Browser, desk: Desk
) -> None:
    slug, team = await a_team(desk)
    await log(desk, *(logged(team, "ticket.opened", utc_now() - timedelta(hours=n)) for n in (1, 2, 3)))
    async with page_of(browser, java_script_enabled=False) as page:
        await sign_in(page, address, path="/reports")
        await page.get_by_role("link", name="Activity").click()
        await page.get_by_label("Team").select_option(label=f"={slug}")
        await page.get_by_label("Period", exact=True).select_option("7")
        await page.get_by_role("button", name="Show").click()
        await expect(page.locator(".figure").first).to_contain_text("3")
        await expect(page.get_by_role("row", name=f"={slug}")).to_contain_text("3")
        await page.get_by_role("link", name="Priorities").click()
        await expect(page.get_by_role("row", name="Normal")).to_contain_text("3")
        async with page.expect_download() as downloading:
            await page.get_by_role("link", name="Download as CSV").click()
        assert (await downloading.value).suggested_filename == "activity.csv"
        await page.locator("[name=from]").fill("2026-03-09")
        await page.locator("[name=to]").fill("2026-03-01")
        await page.get_by_role("button", name="Show").click()
        await expect(page.locator("main")).to_contain_text("from must be earlier than to")


@pytest.mark.parametrize(("device", "scheme"), LOOKS)
async def test_everybody_can_read_the_reports(
    address: str, browser: Browser, desk: Desk, device: str, scheme: str
) -> None:
    _, team = await a_team(desk)
    await log(desk, logged(team, "ticket.opened", utc_now() - timedelta(hours=1)))
    asked = question(UUID((await desk.some_ticket())["id"]), team)
    await take(desk, asked, rated(asked, 4, "Quick and kind."))
    await save_and_schedule(desk)
    async with page_of(browser, viewport={"width": WIDTHS[device], "height": 844}, color_scheme=scheme) as page:
        await sign_in(page, address, path="/reports/activity")
        for name in PAGES:
            await page.goto(f"{address}/reports/{name}")
            found = await Axe().run(page)
            assert not found.response["violations"], (name, found.generate_report())
            assert await page.evaluate("document.documentElement.scrollWidth") <= WIDTHS[device], name
