"""Routing rules in a real browser: the editor without JSON, the order by mouse and keyboard, previews and trials."""

from playwright.async_api import Browser, Page, expect

from shared.kit.clock import new_id
from tests.browser.chromium import page_of
from tests.browser.desk.signing_in import sign_in
from tests.browser.desk.test_admin import press, said
from tests.services.assignment.desk import AgentApi, Desk, Json
from tests.services.assignment.routing_rules.test_routing_rules import rules

RULES = "/admin/routing-rules"


async def rule_named(ada: AgentApi, name: str) -> Json:
    return next(rule for rule in (await ada.get("/v1/routing-rules"))["items"] if rule["name"] == name)


async def fill(page: Page, number: int, what: str, values: str, how: str = "") -> None:
    """One condition of the first group."""
    row = page.get_by_role("group", name=f"Condition {number}", exact=True)
    await row.get_by_label("What").select_option(label=what)
    if how:
        await row.get_by_label("How").select_option(label=how)
    await row.get_by_label("Values").fill(values)


async def test_a_rule_is_built_previewed_and_watched_without_json(address: str, browser: Browser, desk: Desk) -> None:
    ada, name, sought = await desk.agent("ada"), f"Rule {new_id().hex[-8:]}", f"w{new_id().hex[-8:]}"
    ticket = await desk.ticket("online-banking", subject=f"About {sought}")
    async with page_of(browser) as page:
        await sign_in(page, address, path=f"{RULES}/new")
        await page.get_by_label("Name", exact=False).first.fill(name)
        await page.get_by_label("Mode").select_option("monitor")
        await page.get_by_role("button", name="Add a condition").click()
        await fill(page, 1, "Words in the subject", f"{sought}, not a word of it")
        await page.get_by_role("button", name="Add a condition").click()
        await fill(page, 2, "Received at a time of day", "whenever")
        await page.get_by_label("Of these hold").select_option("all")
        await page.get_by_label("Team").select_option(label="Access management")
        await page.get_by_label("Tags").fill("watched")
        await press(page, "Add the rule")
        await expect(page.get_by_role("alert")).to_contain_text("mon-fri 09:00-17:00 Europe/Berlin")
        await fill(page, 2, "Received at a time of day", "mon-sun 00:00-24:00 UTC")
        await page.get_by_label("Preview on the last").select_option(label="200 tickets")
        await press(page, "Preview")
        preview = page.locator("#preview-result")
        await expect(page.get_by_label("Preview on the last")).to_have_value("200")
        await expect(preview).to_contain_text("it would match")
        await press(page, "Add the rule")
        await said(page, "added as the last one")
        row = page.get_by_role("row").filter(has_text=name)
        await expect(row).to_contain_text("Monitor only")
        await expect(row).to_contain_text(sought)
        stored = await rule_named(ada, name)
        assert stored["conditions"]["conditions"][1]["days"] == ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
        await row.get_by_role("link").click()
        await expect(page.get_by_role("group", name="Condition 1", exact=True).get_by_label("Values")).to_have_value(
            f"{sought}, not a word of it"
        )
        await page.get_by_role("button", name="Remove condition 2").click()
        await page.get_by_label("Mode").select_option("active")
        await press(page, "Save")
        await said(page, "The rule was saved.")
        assert len((await rule_named(ada, name))["conditions"]["conditions"]) == 1
        await page.goto(f"{address}{RULES}/simulate")
        await page.get_by_label("Number").fill(ticket["number"])
        await page.get_by_role("button", name="Try it again").click()
        await expect(page.get_by_role("heading", name="What would happen now")).to_be_visible()
    await ada.send("DELETE", f"/v1/routing-rules/{stored['id']}")


async def test_rules_are_dragged_into_order(address: str, browser: Browser, desk: Desk) -> None:
    ada = await desk.agent("ada")
    plain: Json = {"topic": "general", "tags": ["x"], "stop": False}
    async with rules(ada, plain, plain), page_of(browser) as page:
        await sign_in(page, address, path=RULES)
        before = [rule["id"] for rule in (await ada.get("/v1/routing-rules"))["items"]]
        handles = page.locator("[data-drag]")
        await handles.nth(0).drag_to(handles.nth(1), target_position={"x": 5, "y": 20})
        await said(page, "The order was changed.")
        after = [rule["id"] for rule in (await ada.get("/v1/routing-rules"))["items"]]
        assert after == [before[1], before[0], *before[2:]]


async def test_the_editor_works_without_script(address: str, browser: Browser, desk: Desk) -> None:
    ada, name = await desk.agent("ada"), f"Rule {new_id().hex[-8:]}"
    async with page_of(browser, java_script_enabled=False) as page:
        await sign_in(page, address, path=f"{RULES}/new")
        await page.get_by_label("Name", exact=False).first.fill(name)
        await page.get_by_role("button", name="Add a group").click()
        await page.get_by_label("And of the groups below").select_option("any")
        await page.get_by_role("button", name="Add a condition").first.click()
        rows = page.get_by_role("group", name="Condition 1", exact=True)
        for row, value in ((rows.nth(0), "de"), (rows.nth(1), "fr")):
            await row.get_by_label("What").select_option(label="Language")
            await row.get_by_label("Values").fill(value)
        await page.get_by_label("Tags").fill("foreign")
        await page.get_by_label("Stop: try no further rule").uncheck()
        await press(page, "Add the rule")
        await said(page, "added as the last one")
    stored = await rule_named(ada, name)
    assert (stored["conditions"]["match"], stored["stop"]) == ("any", False)
    assert [one["conditions"][0]["values"] for one in stored["conditions"]["groups"]] == [["de"], ["fr"]]
    await ada.send("DELETE", f"/v1/routing-rules/{stored['id']}")


async def test_an_import_shows_its_differences_first(address: str, browser: Browser, desk: Desk) -> None:
    ada = await desk.agent("ada")
    before = await ada.get("/v1/routing-rules/export")
    async with page_of(browser) as page:
        await sign_in(page, address, path=f"{RULES}/document")
        exported = await page.get_by_label("All rules as JSON").input_value()
        field = page.locator("#f-document")
        await field.fill(exported.replace('"rules": [', '"rules": [{"name": "Brought", "tags": ["brought"]},'))
        await page.get_by_role("button", name="Show what would change").click()
        await expect(page.get_by_role("heading", name="What the import would change")).to_be_visible()
        await expect(page.locator(".changes")).to_contain_text("Added: Brought")
        await page.get_by_role("button", name="Import the rules").click()
        await said(page, "The rules were imported")
    assert (await rule_named(ada, "Brought"))["tags"] == ["brought"]
    await ada.post("/v1/routing-rules/import", {"document": before, "apply": True}, expect=200)


async def test_an_organisation_is_added_changed_and_removed(address: str, browser: Browser, desk: Desk) -> None:
    ada, name, domain = await desk.agent("ada"), f"Bank {new_id().hex[-8:]}", f"{new_id().hex[-10:]}.example"
    async with page_of(browser) as page:
        await sign_in(page, address, path="/admin/organisations/new")
        await page.get_by_label("Name").fill(name)
        await page.get_by_label("Domains").fill("localhost")
        await press(page, "Add the organisation")
        await expect(page.get_by_role("alert")).to_contain_text("is not a domain")
        await page.get_by_label("Domains").fill(f"{domain}, second.{domain}")
        await page.get_by_label("SLA policy").select_option(label="Office hours")
        await press(page, "Add the organisation")
        await said(page, f"{name} was added.")
        await page.get_by_role("link", name=name).click()
        await page.get_by_label("SLA policy").select_option(label="As for anybody")
        await press(page, "Save")
        await said(page, "was saved")
        found = next(one for one in (await ada.get("/v1/organisations"))["items"] if one["name"] == name)
        assert (found["domains"], found["policy_id"]) == ([domain, f"second.{domain}"], None)
        await page.get_by_role("link", name=name).click()
        await press(page, "Remove the organisation")
        await page.get_by_role("dialog").get_by_role("button", name="Remove the organisation").click()
        await said(page, "was removed")
