"""Administration of what intake owns, on the desk's pages: topics and their forms, announcements, bans, keys."""

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from shared.kit.clock import new_id
from tests.browser.chromium import page_of
from tests.browser.desk.signing_in import sign_in
from tests.browser.desk.test_admin import confirm, press, said, unique


async def build(page: Page, label: str) -> None:
    await press(page, label)
    await page.wait_for_load_state()


async def test_a_form_is_built_previewed_saved_and_taken_back_without_script(
    address: str, portal_address: str, browser: Browser
) -> None:
    name, slug = unique("Cash points"), f"cash-{new_id().hex[-8:]}"
    async with page_of(browser, java_script_enabled=False) as page:
        await sign_in(page, address, path="/admin/topics/new")
        await page.get_by_label("Name", exact=True).fill(name)
        await page.get_by_label("Short name").first.fill(slug)
        await build(page, "Add a question")
        first = page.get_by_role("group", name="Question 1")
        await first.get_by_label("Question").first.fill("Which cash point?")
        await first.get_by_label("Answered with").select_option("choice")
        await first.get_by_label("Must be answered").check()
        await build(page, "Preview the questions")
        await expect(page.get_by_role("alert")).to_be_visible()
        await first.get_by_label("Choices").fill("Main Street\nMarket square")
        await build(page, "Add a question")
        second = page.get_by_role("group", name="Question 2")
        await second.get_by_label("Question").first.fill("What is broken?")
        await second.get_by_role("button", name="Move question 2 up").click()
        await expect(page.get_by_role("group", name="Question 1").get_by_label("Question").first).to_have_value(
            "What is broken?"
        )
        await build(page, "Preview the questions")
        preview = page.get_by_role("region", name="As requesters see it")
        await expect(preview.get_by_label("What is broken?")).to_be_visible()
        await expect(preview.get_by_label("Market square")).to_be_visible()
        await build(page, "Add the topic")
        await said(page, f"{name} was added")
        await page.goto(f"{portal_address}/tickets/new?topic={slug}")
        await expect(page.get_by_label("Market square")).to_be_visible()
        await page.goto(f"{address}/admin/topics/{slug}")
        await page.get_by_role("button", name="Remove question 1").click()
        await build(page, "Save")
        await said(page, f"{name} was saved")
        await expect(page.get_by_role("group", name="Question 2")).to_have_count(0)
        await page.get_by_role("button", name="Go back to this").click()
        await said(page, "again as it was then")
        await expect(page.get_by_role("group", name="Question 2")).to_have_count(1)


async def test_a_topic_opened_before_somebody_elses_change_is_not_saved_over_it(address: str, browser: Browser) -> None:
    name, slug = unique("Loans"), f"loans-{new_id().hex[-8:]}"
    async with page_of(browser) as page, page_of(browser) as other:
        await sign_in(page, address, path="/admin/topics/new")
        await page.get_by_label("Name", exact=True).fill(name)
        await page.get_by_label("Short name").first.fill(slug)
        await press(page, "Add the topic")
        await page.get_by_role("link", name=name).click()
        await sign_in(other, address, path=f"/admin/topics/{slug}")
        await other.get_by_label("Description").fill("Theirs")
        await press(other, "Save")
        await said(other, "was saved")
        await page.get_by_label("Description").fill("Mine")
        await press(page, "Save")
        await said(page, "Somebody else changed this")


async def test_an_announcement_is_put_up_changed_and_taken_down(
    address: str, portal_address: str, browser: Browser
) -> None:
    title = unique("Maintenance")
    async with page_of(browser) as page:
        await sign_in(page, address, path="/admin/announcements/new")
        await page.get_by_label("Title").fill(title)
        await page.get_by_label("Text").fill("Online banking **rests**.")
        await page.get_by_label("Urgent: shown first, as a warning").check()
        await press(page, "Preview")
        await expect(page.get_by_role("region", name="As everybody sees it").locator("strong").nth(1)).to_have_text(
            "rests"
        )
        await page.get_by_label("From").fill("2030-01-02T10:00")
        await page.get_by_label("Until").fill("2030-01-02T09:00")
        await press(page, "Put it up")
        await expect(page.locator(".notice-danger")).to_contain_text("must be after")
        await page.get_by_label("From").fill("")
        await press(page, "Put it up")
        await said(page, f"{title} was put up.")
        await page.goto(portal_address)
        await expect(page.get_by_text(title)).to_be_visible()
        await page.goto(f"{address}/admin/announcements")
        await page.get_by_role("link", name=title).click()
        await press(page, "Take it down")
        await confirm(page, "Take it down")
        await said(page, "was taken down")


async def test_somebody_is_banned_and_let_in_again(address: str, browser: Browser) -> None:
    pattern = f"@{new_id().hex[-10:]}.example"
    async with page_of(browser) as page:
        await sign_in(page, address, path="/admin/bans")
        await page.get_by_label("Address, domain or network").fill("nonsense")
        await page.get_by_label("Reason").first.fill("Only spam")
        await press(page, "Ban")
        await expect(page.get_by_role("alert")).to_be_visible()
        await page.get_by_label("Address, domain or network").fill(pattern)
        await press(page, "Ban")
        await said(page, f"{pattern} is banned.")
        await page.get_by_role("button", name=f"Lift the ban of {pattern}").click()
        await confirm(page, "Lift the ban")
        await said(page, f"{pattern} may write again.")


async def test_a_key_is_shown_once_given_a_new_secret_and_revoked(address: str, browser: Browser) -> None:
    name = unique("Mobile app")
    async with page_of(browser) as page:
        await sign_in(page, address, path="/admin/api-keys/new")
        await page.get_by_label("Used by").fill(name)
        await page.get_by_label("Requests a minute").fill("many")
        await press(page, "Make the key")
        await expect(page.get_by_role("alert")).to_be_visible()
        await page.get_by_label("Requests a minute").fill("60")
        await press(page, "Make the key")
        secret = await page.get_by_label("Key", exact=True).input_value()
        assert secret.startswith("hd_")
        await page.goto(f"{address}/admin/api-keys")
        assert secret not in await page.content()
        await page.get_by_role("link", name=name).click()
        assert secret not in await page.content()
        await press(page, "Rotate the secret")
        await confirm(page, "Rotate the secret")
        assert await page.get_by_label("Key", exact=True).input_value() != secret
        await page.goto(f"{address}/admin/api-keys")
        await page.get_by_role("link", name=name).click()
        await press(page, "Revoke the key")
        await confirm(page, "Revoke the key")
        await said(page, "stops working within seconds")


async def test_the_alerts_of_a_key_are_set_up(address: str, browser: Browser) -> None:
    name = unique("Prometheus")
    async with page_of(browser, viewport={"width": 360, "height": 800}) as page:
        await sign_in(page, address, path="/admin/api-keys/new")
        await page.get_by_label("Used by").fill(name)
        await page.get_by_label("Report alerts of a monitoring system").check()
        await press(page, "Make the key")
        await page.get_by_role("link", name="Set up its alerts").click()
        await page.get_by_label("Priorities").fill("sev1: urgent")
        await press(page, "Save")
        await expect(page.get_by_role("alert")).to_be_visible()
        await page.get_by_label("Priorities").fill("sev1 = urgent")
        await page.get_by_label("When an alert has recovered").select_option("note")
        await press(page, "Save")
        await said(page, "saved")
        await expect(page.get_by_label("Priorities")).to_have_value("sev1 = urgent")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360
        found = await Axe().run(page)
        assert found.violations_count == 0, found.generate_report()


async def test_intakes_changes_are_on_the_one_audit_page(address: str, browser: Browser) -> None:
    pattern = f"@{new_id().hex[-10:]}.example"
    async with page_of(browser) as page:
        await sign_in(page, address, path="/admin/bans")
        await page.get_by_label("Address, domain or network").fill(pattern)
        await page.get_by_label("Reason").first.fill("Flood")
        await press(page, "Ban")
        await page.goto(f"{address}/admin/audit")
        entry = page.get_by_role("listitem").filter(has_text=pattern).first
        await expect(entry).to_contain_text("Ban added")
        await expect(entry).to_contain_text("by Ada Lindqvist")


@pytest.mark.parametrize("path", ["topics", "topics/new", "announcements", "announcements/new", "bans", "api-keys"])
async def test_axe_finds_nothing(address: str, browser: Browser, path: str) -> None:
    async with page_of(browser, viewport={"width": 360, "height": 800}) as page:
        await sign_in(page, address, path=f"/admin/{path}")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360
        found = await Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
