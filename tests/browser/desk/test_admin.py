"""The administration pages in a real browser: every section's life, by keyboard too; contrast and names by axe."""

import os
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from shared.kit.clock import new_id
from tests.browser.chromium import LOOKS, WIDTHS, page_of
from tests.browser.desk.signing_in import sign_in
from tests.services.assignment.desk import PASSWORD, Desk, agent_id, team_id


def unique(word: str) -> str:
    """A name that no other test uses."""
    return f"{word} {new_id().hex[-8:]}"


async def said(page: Page, text: str) -> None:
    """Waits for what the page announces."""
    await expect(page.locator(".notice").first).to_contain_text(text)


async def press(page: Page, label: str) -> None:
    """A button of the page itself, not of a dialog."""
    await page.locator("main > .admin").get_by_role("button", name=label, exact=True).click()


async def confirm(page: Page, label: str) -> None:
    """The button of the dialog that asks."""
    await page.get_by_role("dialog").get_by_role("button", name=label).click()


async def test_an_agent_is_added_changed_signs_in_and_is_deactivated(
    address: str, browser: Browser, desk: Desk
) -> None:
    name, email = unique("Ines"), f"ines-{new_id().hex[-8:]}@everdesk.example"
    async with page_of(browser) as page:
        await sign_in(page, address, path="/admin/agents")
        await page.get_by_role("link", name="Add an agent").click()
        await page.get_by_label("Name").fill(name)
        await page.get_by_label("E-mail address").fill("ada@everdesk.example")
        await page.get_by_label("Password").fill("short")
        await press(page, "Add the agent")
        await expect(page.get_by_role("alert")).to_be_visible()
        await expect(page.get_by_label("Name")).to_have_value(name)
        await page.get_by_label("E-mail address").fill(email)
        await page.get_by_label("Password").fill("plum-orbit-lantern-42")
        await page.get_by_label("Online banking").select_option(label="View only")
        await press(page, "Add the agent")
        await said(page, f"{name} was added.")
        await page.get_by_label("Name or address contains").fill(email)
        await page.get_by_role("button", name="Find").click()
        await page.get_by_role("link", name=name).click()
        await page.get_by_label("Online banking").select_option(label="Expanded")
        await page.get_by_label("Skills").fill("German, payments")
        await press(page, "Save")
        await said(page, f"{name} was saved.")
    async with page_of(browser) as page:
        await page.goto(address + "/queue")
        await page.get_by_label("E-mail address").fill(email)
        await page.get_by_label("Password").fill("plum-orbit-lantern-42")
        await page.get_by_role("button", name="Sign in").click()
        await page.wait_for_url(address + "/queue")
        assert await page.get_by_role("link", name="Administration").count() == 0
        assert (await page.goto(address + "/admin/agents")).status == 403  # type: ignore[union-attr]
        async with page_of(browser) as other:
            await sign_in(other, address, path=f"/admin/agents?q={email}")
            await other.get_by_role("link", name=name).click()
            await press(other, "Deactivate")
            await confirm(other, "Deactivate")
            await said(other, "was deactivated")
        await page.goto(address + "/queue")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Sign in to the desk")


async def test_a_page_opened_before_somebody_elses_change_is_not_saved_over_it(
    address: str, browser: Browser, desk: Desk
) -> None:
    ada = await desk.agent("ada")
    made = await ada.post("/v1/teams", {"slug": f"t-{new_id().hex[-8:]}", "name": unique("Night")}, expect=201)
    async with page_of(browser) as page:
        await sign_in(page, address, path=f"/admin/teams/{made['id']}")
        await ada.patch(f"/v1/teams/{made['id']}", {"name": "Changed elsewhere"})
        await page.get_by_label("Name", exact=True).fill("Mine")
        await press(page, "Save")
        await said(page, "Somebody else changed this")
        await expect(page.get_by_label("Name", exact=True)).to_have_value("Mine")
        assert (await ada.get(f"/v1/teams/{made['id']}"))["name"] == "Changed elsewhere"
        await press(page, "Save")
        await said(page, "Mine was saved.")


async def test_a_team_is_added_and_deactivated(address: str, browser: Browser, desk: Desk) -> None:
    name = unique("Cards")
    async with page_of(browser) as page:
        await sign_in(page, address, path="/admin/teams/new")
        await page.get_by_label("Name", exact=True).fill(name)
        await page.get_by_label("Short name").fill("Not A Slug")
        await press(page, "Add the team")
        await expect(page.get_by_role("alert")).to_contain_text("small letters")
        await page.get_by_label("Short name").fill(f"cards-{new_id().hex[-8:]}")
        await page.get_by_label("Lead").select_option(label="Bruno Costa")
        await press(page, "Add the team")
        await said(page, f"{name} was added.")
        await page.get_by_role("link", name=name).click()
        await press(page, "Deactivate")
        await confirm(page, "Deactivate")
        await said(page, f"{name} was deactivated.")
        await page.goto(f"{address}/admin/teams/{team_id('service-desk')}")
        await expect(page.get_by_text("Mark another team as the fallback first.")).to_be_visible()


async def test_a_role_is_made_of_ticked_boxes(address: str, browser: Browser, desk: Desk) -> None:
    name, ada = unique("Night shift"), await desk.agent("ada")
    async with page_of(browser) as page:
        await sign_in(page, address, path="/admin/roles/new")
        await page.get_by_label("Name", exact=True).fill(name)
        await page.get_by_label("Own tickets").check()
        await page.get_by_label("Reply to the requester").check()
        await press(page, "Add the role")
        await said(page, f"The role {name} was added.")
        await page.get_by_role("link", name=name).click()
        await page.get_by_label("Write internal notes").check()
        await page.get_by_label("Reply to the requester").uncheck()
        await press(page, "Save")
        await confirm(page, "Save")
        await said(page, f"The role {name} was saved.")
    role = next(one for one in (await ada.get("/v1/roles"))["items"] if one["name"] == name)
    assert (role["scope"], role["permissions"]) == ("assigned", ["ticket.note", "ticket.view"])


async def test_a_policy_is_written_as_a_grid_changed_and_restored(address: str, browser: Browser, desk: Desk) -> None:
    name, ada = unique("Gold"), await desk.agent("ada")
    async with page_of(browser) as page:
        await sign_in(page, address, path="/admin/sla-policies/new")
        await page.get_by_label("Name", exact=True).fill(name)
        await page.get_by_label("Calendar").select_option("office-hours")
        await page.get_by_label("Urgent, First response").fill("15 min")
        await page.get_by_label("Urgent, Resolution").fill("soon")
        await press(page, "Add the policy")
        await expect(page.get_by_role("alert")).to_contain_text("Write a time such as")
        await page.get_by_label("Urgent, Resolution").fill("2 working days")
        await page.get_by_label("What step 1 does").select_option("notify")
        await page.get_by_label("When, step 1").select_option("percent")
        await page.get_by_label("Amount of step 1").fill("80")
        await page.get_by_label("Whom step 1 is about").select_option("lead")
        await page.get_by_label("Remind the requester").fill("1d, 3d")
        await press(page, "Add the policy")
        await said(page, f"{name} was added.")
        await page.get_by_role("link", name=name).click()
        await expect(page.get_by_label("Urgent, First response")).to_have_value("15m")
        await press(page, "Save as a new version")
        await said(page, "Nothing differs")
        await page.get_by_label("Urgent, First response").fill("0:20")
        await press(page, "Save as a new version")
        await said(page, "Saved as version 2.")
        await page.get_by_text("1 change").click()
        await expect(page.get_by_text("targets / urgent / first response")).to_be_visible()
        await press(page, "Restore")
        await confirm(page, "Restore")
        await said(page, "Version 1 is back")
    policy = next(one for one in (await ada.get("/v1/sla-policies"))["items"] if one["name"] == name)
    assert policy["version"] == 3
    assert policy["targets"]["urgent"] == {
        "first_response": 900,
        "next_response": None,
        "resolution": {"working_days": 2},
    }
    assert policy["escalations"][0]["at_percent"] == 80
    assert policy["pending_reminder_seconds"] == [86_400, 3 * 86_400]


async def test_a_calendar_is_written_as_a_week(address: str, browser: Browser, desk: Desk) -> None:
    slug, ada = f"c-{new_id().hex[-8:]}", await desk.agent("ada")
    async with page_of(browser) as page:
        await sign_in(page, address, path="/admin/calendars/new")
        await page.get_by_label("Name", exact=True).fill("Lunch closed")
        await page.get_by_label("Short name").fill(slug)
        await page.get_by_label("Time zone").fill("Europe/Atlantis")
        await page.get_by_label("Monday").fill("9:00-12:30, 13:30 to 17:00")
        await page.get_by_label("Friday").fill("22:00-06:00")
        await page.get_by_label("More holidays").fill("2026-12-25 Christmas\n2026-12-24 13:00-24:00 Christmas Eve")
        await press(page, "Add the calendar")
        await expect(page.get_by_role("alert")).to_contain_text("is not a time zone")
        await page.get_by_label("Time zone").fill("Europe/Berlin")
        await press(page, "Add the calendar")
        await said(page, "Lunch closed was added.")
        await page.get_by_label("Tuesday").fill("nine to five")
        await press(page, "Save as a new version")
        await expect(page.get_by_role("alert")).to_contain_text("Write from and to")
        await page.get_by_label("Tuesday").fill("")
        await press(page, "Save as a new version")
        await said(page, "Saved as version 2.")
    calendar = await ada.get(f"/v1/calendars/{slug}")
    assert calendar["weekly"]["mon"] == [["09:00", "12:30"], ["13:30", "17:00"]]
    assert (calendar["weekly"]["tue"], calendar["weekly"]["fri"]) == ([], [["22:00", "06:00"]])
    assert calendar["holidays"][1] == {"date": "2026-12-24", "hours": [["13:00", "24:00"]], "name": "Christmas Eve"}


async def test_routing_rules_are_added_moved_and_removed(address: str, browser: Browser, desk: Desk) -> None:
    ada, skill = await desk.agent("ada"), f"s{new_id().hex[-8:]}"

    async def positions() -> list[list[str]]:
        return [rule["skills"] for rule in (await ada.get("/v1/routing-rules"))["items"]]

    async with page_of(browser) as page:
        await sign_in(page, address, path="/admin/routing-rules/new")
        await page.get_by_label("Priority", exact=False).first.select_option("low")
        await page.get_by_label("Team").select_option(label="Access management")
        await page.get_by_label("Skills the agent needs").fill(skill)
        await press(page, "Add the rule")
        await said(page, "added as the last one")
        assert (await positions())[-1] == [skill]
        number = len(await positions())
        await page.get_by_role("button", name=f"Move rule {number} up").click()
        await said(page, "The order was changed.")
        assert (await positions())[-2] == [skill]
        await page.get_by_role("link", name=f"Rule {number - 1}", exact=True).click()
        await press(page, "Remove the rule")
        await confirm(page, "Remove the rule")
        await said(page, "The rule was removed.")
    assert [skill] not in await positions()


@pytest.mark.soak
@pytest.mark.parametrize(("device", "scheme"), LOOKS)
async def test_administration_pages_fit_and_are_accessible(
    address: str, browser: Browser, desk: Desk, device: str, scheme: str
) -> None:
    ada = await desk.agent("ada")
    policy = next(one for one in (await ada.get("/v1/sla-policies"))["items"] if one["is_default"])
    rule = (await ada.get("/v1/routing-rules"))["items"][0]
    role = (await ada.get("/v1/roles"))["items"][0]
    shots = os.environ.get("EVERDESK_SCREENSHOTS")
    paths = {
        "start": "",
        "agents": "/agents",
        "agent": f"/agents/{agent_id('bruno')}",
        "teams": "/teams",
        "team": f"/teams/{team_id('online-banking')}",
        "roles": "/roles",
        "role": f"/roles/{role['id']}",
        "policies": "/sla-policies",
        "policy": f"/sla-policies/{policy['id']}",
        "calendars": "/calendars",
        "calendar": "/calendars/office-hours",
        "rules": "/routing-rules",
        "rule-simulation": "/routing-rules/simulate",
        "rule-document": "/routing-rules/document",
        "audit": "/audit-log",
        "rule": f"/routing-rules/{rule['id']}",
    }
    viewport = {"width": WIDTHS[device], "height": 844}
    async with page_of(browser, viewport=viewport, color_scheme=scheme) as page:
        await sign_in(page, address)
        for name, path in paths.items():
            await page.goto(f"{address}/admin{path}")
            wide = await page.evaluate("document.documentElement.scrollWidth")
            assert wide <= WIDTHS[device], f"{path} is {wide} pixels wide"
            found = await Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
            if shots:
                await page.screenshot(path=Path(shots) / f"admin-{name}-{device}-{scheme}.png", full_page=True)


async def test_pages_ask_for_their_permission(desk: Desk) -> None:
    chioma = await desk.agent("chioma")
    for path in ("", "/agents", "/teams", "/roles", "/sla-policies", "/calendars", "/routing-rules", "/audit-log"):
        answer = await desk.http.get(f"/admin{path}", headers={"Cookie": f"everdesk_session={chioma.token}"})
        assert answer.status_code == 403, path
        assert PASSWORD not in answer.text
