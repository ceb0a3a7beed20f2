"""Roll-outs and holiday feeds as pages, and pages that hear of a change of their agent's rights."""

from uuid import UUID

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, expect

from shared.kit.clock import new_id
from tests.browser.chromium import page_of
from tests.browser.desk.signing_in import sign_in
from tests.browser.desk.test_admin import confirm, press, said, unique
from tests.services.assignment.desk import PASSWORD, Desk, Json, agent_id, team_id


async def policy_with_a_ticket(desk: Desk) -> tuple[Json, Json]:
    """A policy of which a ticket has the first version, and the second was made since."""
    ada, name = await desk.agent("ada"), unique("Silver")
    body = {"name": name, "calendar": "always", "targets": {"normal": {"resolution": 86_400}}}
    policy = await ada.post("/v1/sla-policies", body, expect=201)
    ticket = await desk.ticket("online-banking", priority="normal")
    ticket = await ada.post(f"/v1/tickets/{ticket['id']}/change-policy", {"policy_id": policy["id"]})
    changed = {"targets": {"normal": {"resolution": 43_200}}}
    return await ada.patch(f"/v1/sla-policies/{policy['id']}", changed), ticket


async def test_a_roll_out_is_looked_at_carried_out_and_taken_back(address: str, browser: Browser, desk: Desk) -> None:
    policy, ticket = await policy_with_a_ticket(desk)
    async with page_of(browser) as page:
        await sign_in(page, address, path=f"/admin/sla-policies/{policy['id']}")
        await page.get_by_role("link", name="Roll-outs").click()
        await press(page, "Show what would change")
        found = page.get_by_role("region", name="What would change")
        await expect(found.get_by_role("link", name=ticket["number"])).to_be_visible()
        assert (await Axe().run(page)).violations_count == 0
        await found.get_by_role("button", name="Roll it out").click()
        await confirm(page, "Roll it out")
        await said(page, "has begun")
        await expect(page.locator("#progress-title")).to_have_text("Done", timeout=20_000)
        await expect(page.get_by_text("1 of 1 ticket done.")).to_be_visible()
        assert (await Axe().run(page)).violations_count == 0
        await page.reload()
        await press(page, "Take it back")
        await confirm(page, "Take it back")
        await expect(page.locator("#progress-title")).to_have_text("Reverted", timeout=20_000)
    seen = await desk.seen(ticket["id"])
    assert seen["sla"]["policy_version"] == 1


async def test_a_feed_that_cannot_be_read_is_said_at_its_field(address: str, browser: Browser, desk: Desk) -> None:
    ada, slug = await desk.agent("ada"), f"cal-{new_id().hex[-8:]}"
    sent = {"slug": slug, "name": slug, "timezone": "UTC", "weekly": {"mon": [["09:00", "17:00"]]}}
    await ada.post("/v1/calendars", sent, expect=201)
    async with page_of(browser, viewport={"width": 360, "height": 800}) as page:
        await sign_in(page, address, path=f"/admin/calendars/{slug}")
        await page.get_by_role("link", name="Import holidays").click()
        await page.get_by_label("Address of the feed").fill("http://127.0.0.1:9/holidays.ics")
        await press(page, "Show what would change")
        await expect(page.locator(".error, .notice-danger").first).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360
        assert (await Axe().run(page)).violations_count == 0


async def test_an_open_page_hears_that_its_agent_may_only_look_from_now_on(
    address: str, browser: Browser, desk: Desk
) -> None:
    ada, name = await desk.agent("ada"), f"live-{new_id().hex[-8:]}"
    roles = {one["name"]: one["id"] for one in (await ada.get("/v1/roles"))["items"]}
    membership = {"team_id": str(team_id("online-banking")), "role_id": roles["All access"]}
    sent = {"email": f"{name}@everdesk.example", "name": name, "password": PASSWORD, "memberships": [membership]}
    agent = await ada.post("/v1/agents", sent | {"is_available": False}, expect=201)
    async with page_of(browser) as page:
        await sign_in(page, address, name, path="/admin/teams/new")
        await page.get_by_label("Name", exact=True).fill("Half written")
        only = {"memberships": [membership | {"role_id": roles["View only"]}]}
        await ada.patch(f"/v1/agents/{agent['id']}", only)
        await expect(page.get_by_role("alert")).to_contain_text("Your rights were changed")
        await expect(page.get_by_role("button", name="Add the team")).to_be_disabled()
        await expect(page.get_by_label("Name", exact=True)).to_have_value("Half written")
        await page.get_by_role("link", name="Load the page again").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Your role does not allow this")
        ticket = await desk.some_ticket()
        await page.goto(f"{address}/tickets/{ticket['number']}")
        forms = page.locator('main form[method="post"]')
        posting = [await form.get_attribute("action") for form in await forms.all() if await form.is_visible()]
        assert [path for path in posting if path and "/tickets/" in path] == []
        await expect(page.get_by_text("Your role does not let you write on it")).to_be_visible()
    async with page_of(browser) as page:
        await sign_in(page, address, name)
        await ada.patch(f"/v1/agents/{agent['id']}", {"is_active": False})
        await expect(page.get_by_role("alert")).to_contain_text("Your session has ended")
    assert UUID(agent["id"]) != agent_id("ada")


@pytest.mark.parametrize("path", ["canned-responses", "canned-responses/new", "teams/new", "audit", ""])
async def test_axe_finds_nothing(address: str, browser: Browser, path: str) -> None:
    async with page_of(browser, viewport={"width": 360, "height": 800}, color_scheme="dark") as page:
        await sign_in(page, address, path=f"/admin/{path}".rstrip("/"))
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360
        found = await Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
