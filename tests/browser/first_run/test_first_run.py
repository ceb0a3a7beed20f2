"""The first administrator of an empty installation, by keyboard alone: from the printed link to a queued ticket."""

import re
from collections.abc import AsyncIterator
from zoneinfo import available_timezones

import httpx2
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from shared.kit.i18n.languages import PSEUDO_TAG
from tests.browser.chromium import overflows, page_of
from tests.local.running import LocalStack
from tests.support.eventually import eventually
from tests.support.memory_disk import data_folder
from tests.translations.page_texts import PageTexts

STEPS = ("hours", "mail", "ticket", "done")
NOT_TRANSLATED = (
    *("Harbour Bank", "Front desk", "Grace Okafor", "grace@harbour.example", "Everdesk", "UTC", "TLS", "STARTTLS"),
    *("everdesk@everdesk.example", "support@everdesk.example", "127.0.0.1", "localhost"),
)
"""Names, addresses and abbreviations on these pages."""
LINK = re.compile(r"http://[^\s]+/welcome/([A-Za-z0-9_-]{20,})")


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalStack]:
    """The whole system, started with nothing in it."""
    with data_folder(tmp_path_factory, "empty") as folder:
        running = LocalStack.in_folder(folder, has_stubs=False)
        running.settings = {"EVERDESK_SEED": "empty", "EVERDESK_LANGUAGES": f"en de {PSEUDO_TAG}"}
        await running.start(within=120)
        try:
            yield running
        finally:
            await running.stop()


async def tab_to(page: Page, label: str) -> None:
    """Presses Tab until what has the focus is called so."""
    wanted = (
        page.get_by_role("main")
        .get_by_label(re.compile(rf"^{re.escape(label)}( optional)?$"))
        .or_(page.get_by_role("main").get_by_role("button", name=label, exact=True))
    )
    for _ in range(60):
        if await wanted.first.evaluate("one => one === document.activeElement"):
            return
        await page.keyboard.press("Tab")
    raise AssertionError(f"{label} is not reached by keyboard")


async def type_into(page: Page, label: str, text: str) -> None:
    await tab_to(page, label)
    await page.keyboard.press("ControlOrMeta+a")
    await page.keyboard.type(text)


async def press(page: Page, label: str) -> None:
    await tab_to(page, label)
    await page.keyboard.press("Enter")
    await page.wait_for_load_state()


async def is_sound(page: Page) -> None:
    found = await Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


async def stays_english(page: Page, *paths: str) -> list[str]:
    """What pages of the set-up say in English to somebody who reads the pseudo language."""
    found: list[str] = []
    for path in paths:
        answer = await page.request.get(path, headers={"Accept-Language": PSEUDO_TAG})
        found += PageTexts.of(await answer.text()).untranslated([*NOT_TRANSLATED, *available_timezones()])
    return found


async def test_the_first_administrator_sets_up_everdesk_by_keyboard(stack: LocalStack, browser: Browser) -> None:
    await eventually(lambda: LINK.search(stack.text) is not None)
    printed = LINK.search(stack.text)
    assert printed
    desk = f"http://127.0.0.1:{stack.ports['ASSIGNMENT']}"
    async with page_of(browser) as page:
        assert await stays_english(page, printed[0]) == []
        await page.goto(printed[0])
        await is_sound(page)
        await type_into(page, "Name of the organisation", "Harbour Bank")
        await type_into(page, "First team", "Front desk")
        await type_into(page, "Your name", "Grace Okafor")
        await type_into(page, "Your e-mail address", "grace@harbour.example")
        await type_into(page, "Password", "password12")
        await press(page, "Continue")
        await expect(page.get_by_role("alert")).to_contain_text("too easy to guess")
        await type_into(page, "Password", "plum-orbit-lantern-42")
        await press(page, "Continue")
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Harbour Bank")
        await is_sound(page)
        await page.set_viewport_size({"width": 360, "height": 740})
        long = "Harbour Bank and Savings of the North Coast…"
        await page.locator(".brand span").evaluate("(one, name) => { one.textContent = name }", long)
        assert not await overflows(page), "a long name is cut and pushes nothing aside"
        await page.set_viewport_size({"width": 1280, "height": 900})
        await type_into(page, "Holidays of", "ZZ")
        await press(page, "Use these hours")
        await expect(page.get_by_role("alert")).to_be_visible()
        await type_into(page, "Holidays of", "DE")
        await press(page, "Use these hours")
        await expect(page.get_by_role("heading", level=2)).to_have_text("Does mail leave?")
    async with page_of(browser) as page:
        await page.goto(f"{desk}/?next=/setup")
        await type_into(page, "E-mail address", "grace@harbour.example")
        await type_into(page, "Password", "plum-orbit-lantern-42")
        await press(page, "Sign in")
        await expect(page.get_by_role("heading", level=2)).to_have_text("Does mail leave?")
        assert await stays_english(page, *(f"{desk}/setup?step={step}" for step in STEPS)) == []
        await is_sound(page)
        await press(page, "Send a test mail")
        await expect(page.get_by_role("heading", level=2)).to_have_text("Send a first request")
        await is_sound(page)
        await press(page, "Send it")
        await expect(page.get_by_role("heading", level=2)).to_have_text("That is all")
        await press(page, "Finish and open the queue")
        await page.wait_for_url(f"{desk}/queue**")
        await expect(page.locator(".brand")).to_contain_text("Harbour Bank")

        async def arrives() -> None:
            await page.goto(f"{desk}/queue?view=all")
            assert await page.get_by_text("A test of our new help desk").count()

        await eventually(arrives, within=30)
        await page.goto(f"{desk}/admin/notification")
        await press(page, "Send a test mail")
        await expect(page.locator(".notice").first).to_contain_text("took a test mail")
        await is_sound(page)
        for path in ("/admin/notification/rules", "/admin/notification/targets", "/inbox", "/account/notifications"):
            await page.goto(f"{desk}{path}")
            await is_sound(page)
        await page.goto(f"{desk}/admin/notification/templates")
        await is_sound(page)
        await page.goto(f"{desk}/admin/notification/templates/acknowledgement/de")
        await page.get_by_label("Text", exact=True).fill("Hallo {{ requester }}")
        await press(page, "Save")
        await expect(page.locator(".notice").first).to_contain_text("Line 1: the variable requester is unknown")
        await page.get_by_label("Text", exact=True).fill("Hallo {{ recipient }}, wir haben Ihre Nachricht.")
        await press(page, "Preview")
        await expect(page.locator("#preview")).to_contain_text("A test of our new help desk")
        await is_sound(page)
        await press(page, "Save")
        await expect(page.locator(".notice").first).to_contain_text("The template is saved")
        await is_sound(page)
        await page.goto(f"{desk}/account/notifications")
        await page.get_by_label("Digest").select_option("hourly")
        await press(page, "Save")
        await expect(page.locator(".notice").first).to_contain_text("preferences are saved")
    async with httpx2.AsyncClient() as http:
        assert (await http.get(printed[0])).status_code == 404
        mails = (await http.get(f"http://127.0.0.1:{stack.ports['MAIL']}/")).text
        assert "A test mail from Everdesk" in mails


async def test_nobody_else_comes_in_by_the_link(stack: LocalStack) -> None:
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{stack.ports['ASSIGNMENT']}") as http:
        assert (await http.get("/welcome/guessed")).status_code == 404
        signed_in = await http.post("/v1/sessions", json={"email": "ada@everdesk.example", "password": "x" * 12})
        assert signed_in.status_code == 401
