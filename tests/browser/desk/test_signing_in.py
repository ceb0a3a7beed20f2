"""Signing in with a second factor in a real browser: an app, a passkey of a virtual authenticator, by keyboard."""

import base64
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect
from sqlalchemy import update

from services.assignment.access import totp
from services.assignment.app import build
from services.assignment.models import TotpSecret
from services.assignment.settings import AssignmentSettings
from shared.kit.clock import new_id, utc_now
from tests.browser.chromium import LOOKS, WIDTHS, overflows, page_of
from tests.browser.desk.conftest import serving
from tests.services.assignment.desk import PASSWORD, Desk

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
async def own_address(settings: AssignmentSettings) -> AsyncIterator[str]:
    """A desk that is served on this machine alone, as its settings say too."""
    local = settings.model_validate(settings.model_dump() | {"desk_url": "http://127.0.0.1:8002"})
    async with serving(build(local)) as address:
        yield address


async def make_agent(desk: Desk) -> str:
    """The address of a new agent."""
    ada, email = await desk.agent("ada"), f"{new_id().hex}@everdesk.example"
    await ada.post("/v1/agents", {"email": email, "name": "Signe Two-Factor", "password": PASSWORD})
    return email


async def by_keyboard(page: Page, address: str, email: str, path: str) -> None:
    """The first step, without a mouse."""
    await page.goto(f"{address}/?next={path}")
    await expect(page.get_by_label("E-mail address")).to_be_focused()
    await page.keyboard.type(email)
    await page.keyboard.press("Tab")
    await page.keyboard.type(PASSWORD)
    await page.keyboard.press("Enter")


async def code_on(page: Page, steps: int = 0) -> str:
    """What an app would show that has read the page's key."""
    shown = await page.locator(".totp-key").inner_text()
    secret = base64.b32decode(re.sub(r"\s", "", shown))
    return totp.code_of(secret, totp.step_of(utc_now()) + steps)


@pytest.mark.parametrize("scripts", [True, False])
async def test_an_app_is_set_up_and_asked_for_by_keyboard(
    address: str, browser: Browser, desk: Desk, *, scripts: bool
) -> None:
    email = await make_agent(desk)
    async with page_of(browser, java_script_enabled=scripts) as page:
        await by_keyboard(page, address, email, "/account/second-factor")
        code = page.get_by_label("Code that the app shows")
        shown = await page.locator(".totp-key").inner_text()
        await code.focus()
        await page.keyboard.type(await code_on(page))
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Keep these recovery codes")
        recovery = await page.locator(".recovery-codes code").first.inner_text()
    async with desk.database.begin() as session:
        await session.execute(update(TotpSecret).values(last_step=0))
    secret = base64.b32decode(re.sub(r"\s", "", shown))
    for given in (totp.code_of(secret, totp.step_of(utc_now())), recovery):
        async with page_of(browser, java_script_enabled=scripts) as page:
            await by_keyboard(page, address, email, "/account")
            await expect(page.get_by_role("textbox", name="Code")).to_be_focused()
            await page.keyboard.type("000000x")
            await page.keyboard.press("Enter")
            await expect(page.get_by_role("alert")).to_contain_text("wrong")
            await page.get_by_role("textbox", name="Code").fill(given)
            await page.keyboard.press("Enter")
            await page.wait_for_url(f"{address}/account")


async def test_a_passkey_is_added_and_used(own_address: str, browser: Browser, desk: Desk) -> None:
    email, here = await make_agent(desk), own_address.replace("127.0.0.1", "localhost")
    async with page_of(browser) as page:
        devices = await page.context.new_cdp_session(page)
        await devices.send("WebAuthn.enable")
        await devices.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        await by_keyboard(page, here, email, "/account/second-factor")
        await page.get_by_label("Name").fill("Laptop of Signe")
        await page.get_by_role("button", name="Add a passkey").focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Keep these recovery codes")
        await page.get_by_role("link", name="I have saved these codes").click()
        await expect(page.get_by_text("Passkey “Laptop of Signe”")).to_be_visible()
        await page.get_by_role("button", name="Sign out", exact=True).click()
        for _ in range(2):
            await by_keyboard(page, here, email, "/account")
            await page.get_by_role("button", name="Use a passkey").focus()
            await page.keyboard.press("Enter")
            await page.wait_for_url(f"{here}/account")
            await page.get_by_role("button", name="Sign out", exact=True).click()
        assert await page.evaluate("document.cookie") == "", "no cookie can be read by scripts"


async def test_passkeys_are_offered_where_they_work(own_address: str, browser: Browser, desk: Desk) -> None:
    email = await make_agent(desk)
    async with page_of(browser) as page:
        await by_keyboard(page, own_address, email, "/account/second-factor")
        await expect(page.get_by_role("heading", name="Authenticator app")).to_be_visible()
        await expect(page.get_by_role("button", name="Add a passkey")).to_have_count(0)


@pytest.mark.parametrize(("device", "scheme"), LOOKS)
async def test_every_page_can_be_read(own_address: str, browser: Browser, desk: Desk, device: str, scheme: str) -> None:
    email, here = await make_agent(desk), own_address.replace("127.0.0.1", "localhost")
    ada = await desk.agent("ada")
    agents = (await ada.get("/v1/agents"))["items"]
    other = next(one["id"] for one in agents if one["email"] == email)
    size = {"width": 360 if device == "phone" else WIDTHS[device], "height": 900}
    pictures = os.environ.get("EVERDESK_SCREENSHOTS")
    async with page_of(browser, viewport=size, color_scheme=scheme) as page:

        async def look(name: str) -> None:
            assert not await overflows(page), name
            found = await Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
            if pictures:
                path = Path(pictures) / f"sign-in-{name}-{device}-{scheme}.png"
                await page.screenshot(path=path, full_page=True)

        await page.goto(f"{here}/forgot-password")
        await look("forgot-password")
        await by_keyboard(page, here, email, "/account/second-factor")
        await expect(page.get_by_role("button", name="Use this app")).to_be_visible()
        await look("second-factor")
        await page.get_by_label("Code that the app shows").fill(await code_on(page))
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Keep these recovery codes")
        await look("recovery-codes")
        await page.goto(f"{here}/account")
        await look("account")
        await page.get_by_role("button", name="Sign out", exact=True).click()
        await by_keyboard(page, here, email, "/account")
        await expect(page.get_by_role("heading", level=1)).to_have_text("Show your second factor")
        await look("second-step")
        await by_keyboard(page, here, "ada@everdesk.example", f"/admin/agents/{other}/access")
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Sign-in of")
        await look("agent-access")
