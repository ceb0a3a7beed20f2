"""Single sign-on and the programs' tokens in a real browser."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, expect
from sqlalchemy import delete

from services.assignment.models import GroupRole, ProviderIdentity, SingleSignOn
from shared.kit.clock import new_id
from tests.browser.chromium import LOOKS, WIDTHS, page_of
from tests.browser.desk.signing_in import sign_in
from tests.browser.desk.test_admin import confirm, press, said
from tests.services.assignment.desk import Desk, agent_id
from tests.support.identity_provider import CLIENT_ID, CLIENT_SECRET, IdentityProvider, running_provider


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with running_provider() as found:
        yield found


async def test_an_administrator_connects_the_provider_and_agents_sign_in_with_it(
    address: str, browser: Browser, desk: Desk, provider: IdentityProvider
) -> None:
    provider.desk = address
    provider.person = {"sub": new_id().hex, "email": "bruno@everdesk.example", "email_verified": True}
    async with page_of(browser) as page:
        await sign_in(page, address, path="/admin/single-sign-on")
        await page.get_by_label("Agents may sign in with the provider").check()
        await page.get_by_label("Name on the button").fill("Acme")
        await page.get_by_label("Issuer").fill(provider.issuer)
        await page.get_by_label("Client id").fill(CLIENT_ID)
        await page.get_by_label("Client secret").fill(CLIENT_SECRET)
        await page.get_by_label("Claim that lists groups").fill("")
        await press(page, "Save")
        await confirm(page, "Save")
        await said(page, "Single sign-on was saved.")
        await press(page, "Test this connection")
        await expect(page.get_by_text("The connection works.")).to_be_visible()
        await page.get_by_label("Group optional").first.fill("Helpers")
        await press(page, "Save the groups")
        await confirm(page, "Save")
        await said(page, "What the groups stand for was saved.")
        await expect(page.get_by_label("Group optional").first).to_have_value("Helpers")
    async with page_of(browser) as page:
        await page.goto(f"{address}/?next=/queue")
        await page.get_by_role("link", name="Sign in with Acme").press("Enter")
        await page.wait_for_url(f"{address}/queue")
        await expect(page.get_by_text("Bruno").first).to_be_visible()
    async with desk.database.begin() as session:
        linked = await session.get_one(ProviderIdentity, (provider.issuer, provider.person["sub"]))
        assert linked.agent_id == agent_id("bruno")
        for table in (SingleSignOn, ProviderIdentity, GroupRole):
            await session.execute(delete(table))


async def test_an_administrator_makes_a_token_and_revokes_it(address: str, browser: Browser) -> None:
    name = f"Bridge {new_id().hex[-8:]}"
    async with page_of(browser) as page:
        await sign_in(page, address, path="/admin/service-tokens/new")
        await page.get_by_label("Program").fill(name)
        await page.get_by_label("Write internal notes").check()
        await press(page, "Make the token")
        await expect(page.locator("code").first).to_contain_text("hds_")
        await page.get_by_role("link", name="Done").click()
        await page.get_by_role("link", name=name).click()
        await press(page, "Revoke")
        await confirm(page, "Revoke")
        await said(page, f"{name} was revoked.")


@pytest.mark.parametrize(("device", "scheme"), LOOKS)
async def test_the_pages_can_be_read_by_everybody(address: str, browser: Browser, device: str, scheme: str) -> None:
    options = {"viewport": {"width": WIDTHS[device], "height": 900}, "color_scheme": scheme}
    async with page_of(browser, **options) as page:
        await sign_in(page, address, path="/admin/service-tokens")
        for path in ("single-sign-on", "single-sign-on/new", "service-tokens", "service-tokens/new"):
            await page.goto(f"{address}/admin/{path}")
            found = await Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
            assert await page.evaluate("document.querySelector('.admin').scrollWidth") <= WIDTHS[device], path
