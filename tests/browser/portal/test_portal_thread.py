"""A thread in a real browser: what happens appears by itself, files are dropped, and nobody is shut out."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, expect

from deploy.local.engines import Stack
from services.intake.access.receipts import Receipts
from services.intake.models import AttachmentState
from shared.contracts.base import TicketId
from shared.contracts.events import TicketPended, TicketResolved
from shared.kit.clock import utc_now
from shared.kit.db import Database
from tests.browser.chromium import overflows
from tests.browser.portal.mailed import SETTINGS, follow_the_mailed_link
from tests.browser.portal.portal_server import portal_settings, running
from tests.browser.portal.test_portal import PHONE, SIZED_LOOKS, fill
from tests.browser.portal.threads import Threads
from tests.support.eventually import eventually

WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
STANDINGS = ("new", "open", "pending", "on_hold", "resolved", "closed", "archived")
DROP = """([selector, names]) => {
  const data = new DataTransfer();
  for (const name of names) data.items.add(new File(["502 at nine"], name, { type: "text/plain" }));
  for (const kind of ["dragenter", "dragover", "drop"]) {
    const event = new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true });
    document.querySelector(selector).dispatchEvent(event);
  }
}"""


@dataclass(frozen=True)
class Portal:
    """A running portal and what can happen in it."""

    url: str
    threads: Threads


@pytest.fixture(scope="module")
async def portal(engines: Stack) -> AsyncIterator[Portal]:
    """A portal of these tests' own."""
    settings = portal_settings(engines)
    async with running(settings) as url:
        database = Database.connect(settings)
        yield Portal(url, Threads(settings, database))
        await database.dispose()


async def test_what_happens_appears_and_nothing_typed_is_lost(browser: Browser, portal: Portal) -> None:
    page = await browser.new_page()
    ticket = await portal.threads.reach("open")
    await page.goto(portal.url + ticket.path)
    await expect(page.get_by_text("This page updates by itself.")).to_be_visible()
    box = page.get_by_label("Write to us")
    await box.fill("I was just about to")
    await page.locator("details.quoted summary").click()
    before = utc_now()
    await portal.threads.tell(portal.threads.answer(ticket, "<p>It is the load balancer.</p>"))
    await expect(page.get_by_text("It is the load balancer.")).to_be_visible()
    assert (utc_now() - before).total_seconds() < 3
    await expect(page.locator("[data-live-say]")).to_have_text("Our answer from Ada Brook")
    await portal.threads.tell(
        portal.threads.happened(ticket, TicketResolved, 9, {"status": "resolved"}, {"cause": "command"})
    )
    await expect(page.locator("#standing .badge")).to_have_text("Solved")
    await expect(page.get_by_role("button", name="Reopen this ticket")).to_be_visible()
    await expect(page.locator("[data-live-say]")).to_have_text(re.compile("We think this is solved.*Status: Solved"))
    await expect(box).to_have_value("I was just about to")
    await expect(page.locator("details.quoted").first).to_have_attribute("open", "")


async def test_a_page_without_connection_says_so_and_catches_up(browser: Browser, portal: Portal) -> None:
    context = await browser.new_context()
    page = await context.new_page()
    ticket = await portal.threads.reach("open")
    await page.goto(portal.url + ticket.path)
    await expect(page.get_by_text("This page updates by itself.")).to_be_visible()
    await context.set_offline(True)
    await expect(page.get_by_text("Offline, trying again…").first).to_be_visible()
    await portal.threads.tell(portal.threads.happened(ticket, TicketPended, 5, {"status": "pending"}, {}))
    await context.set_offline(False)
    await expect(page.locator("#standing .badge")).to_have_text("Waiting for you", timeout=15_000)


async def test_files_are_dropped_sent_taken_out_and_come_with_the_message(browser: Browser, portal: Portal) -> None:
    page = await browser.new_page()
    ticket = await portal.threads.reach("open")
    await page.goto(portal.url + ticket.path)
    await page.evaluate(DROP, ["[data-files]", ["first.log", "second.log"]])
    await expect(page.locator(".upload").get_by_text("ready")).to_have_count(2)
    await page.get_by_role("button", name="Remove second.log").click()
    await expect(page.locator('input[type="file"]')).to_be_focused()
    await page.get_by_label("Files").set_input_files({"name": "third.txt", "mimeType": "text/plain", "buffer": b"3"})
    await page.get_by_label("Write to us").fill("The logs.")
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_text("Your message has been added.")).to_be_visible()
    last = page.get_by_role("article").last
    await expect(last.get_by_role("link", name="first.log")).to_be_visible()
    await expect(last.get_by_role("link", name="third.txt")).to_be_visible()
    await expect(last.get_by_role("link", name="second.log")).to_have_count(0)


async def test_a_file_that_fails_says_why_and_can_be_tried_again(browser: Browser, portal: Portal) -> None:
    page = await browser.new_page()
    ticket = await portal.threads.reach("open")
    await page.goto(portal.url + ticket.path)
    await page.route("**/tickets/uploads", lambda route: route.abort())
    await page.evaluate(DROP, ["[data-files]", ["first.log"]])
    await expect(page.get_by_text("could not be sent: the connection broke").first).to_be_visible()
    await page.get_by_label("Write to us").fill("The log.")
    await page.unroute("**/tickets/uploads")
    await page.get_by_role("button", name="Try again first.log").press("Enter")
    await expect(page.locator(".upload").get_by_text("ready")).to_be_visible()
    await page.evaluate(DROP, ["[data-files]", ["virus.exe"]])
    refused = page.locator(".upload.is-refused")
    await expect(refused).to_contain_text("not accepted here")
    await expect(refused.get_by_role("button", name="Try again")).to_have_count(0)


async def test_a_form_sent_early_waits_for_its_files(browser: Browser, portal: Portal) -> None:
    page = await browser.new_page()
    ticket = await portal.threads.reach("open")
    await page.goto(portal.url + ticket.path)
    gate = asyncio.Event()

    async def slowly(route: Any) -> None:
        await gate.wait()
        await route.continue_()

    await page.route("**/tickets/uploads", slowly)
    await page.evaluate(DROP, ["[data-files]", ["slow.log"]])
    await page.get_by_label("Write to us").fill("The log.")
    await page.get_by_role("button", name="Send").click()
    await expect(page.locator("[data-files-say]")).to_have_text("The form is sent as soon as the files are there")
    gate.set()
    await expect(page.get_by_text("Your message has been added.")).to_be_visible()
    await expect(page.get_by_role("link", name="slow.log")).to_be_visible()


async def test_everything_works_without_script(browser: Browser, portal: Portal, tmp_path: Path) -> None:
    page = await (await browser.new_context(java_script_enabled=False)).new_page()
    log = tmp_path / "boot.log"
    log.write_text("502")
    await page.goto(f"{portal.url}/tickets/new?topic=access")
    await fill(
        page,
        Subject="Locked out",
        What_do_you_need="My card is refused.",
        **{"Your_e-mail_address": "noscript@bank.example"},
        Your_name="Nora Script",
    )
    await page.get_by_role("button", name="Open the ticket").last.click()
    await follow_the_mailed_link(page)
    await page.get_by_label("Write to us").fill("It says error 7.")
    await page.get_by_label("Files").set_input_files(log)
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_text("Your message has been added.")).to_be_visible()
    await expect(page.get_by_role("link", name="boot.log")).to_be_visible()
    await expect(page.get_by_role("link", name="Refresh to see what is new")).to_be_visible()
    await page.get_by_role("link", name="Close this ticket").click()
    await expect(page.get_by_role("button", name="Close the ticket")).to_be_visible()
    solved = await portal.threads.reach("resolved")
    await page.goto(portal.url + solved.path)
    await expect(page.get_by_role("button", name="Reopen this ticket")).to_be_visible()
    await page.get_by_text("Show quoted text").click()
    await expect(page.get_by_text("-- Dana Ruiz")).to_be_visible()


async def test_the_keyboard_reaches_everything_in_the_order_of_the_page(browser: Browser, portal: Portal) -> None:
    page = await browser.new_page(viewport={"width": 1280, "height": 900})
    ticket = await portal.threads.reach("pending")
    await page.goto(portal.url + ticket.path)
    await expect(page.get_by_text("This page updates by itself.")).to_be_visible()
    reached: list[str] = []
    await page.keyboard.press("Tab")
    while not await page.evaluate("document.activeElement === document.body"):
        name = await page.evaluate(
            "document.activeElement.labels?.[0]?.textContent || document.activeElement.textContent"
        )
        reached.append(" ".join(name.split()))
        outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", reached[-1]
        await page.keyboard.press("Tab")
    wanted = ["Skip to the content", "Home", "Show quoted text", "Write to us", "Files optional", "Send"]
    wanted += ["Close this ticket", "Has somebody else seen it?"]
    places = [reached.index(name) for name in wanted]
    assert places == sorted(places), reached


async def paths(portal: Portal) -> dict[str, str]:
    """Every page of the portal, by name."""
    threads = {f"thread, {standing}": await portal.threads.reach(standing) for standing in STANDINGS}
    pending = threads["thread, pending"]
    await portal.threads.attach(pending, "invoice.pdf", AttachmentState.CLEAN)
    await portal.threads.attach(pending, "macro.docm", AttachmentState.QUARANTINED)
    return {name: ticket.path for name, ticket in threads.items()} | {
        "home": "/",
        "search": "/search?q=online",
        "topics": "/tickets/new",
        "new": "/tickets/new?topic=online-banking",
        "thanks": f"/tickets/thanks/{Receipts(SETTINGS).token(TicketId(pending.id))}",
        "status": "/tickets/status",
        "close": f"{pending.path}/close",
        "revoke": f"{pending.path}/revoke",
        "links revoked": "/tickets/links-revoked",
        "useless link": "/t/x",
    }


async def faults(page: Page) -> list[str]:
    """What axe finds, and targets that are too small for a finger."""
    found = await Axe().run(page, options={"runOnly": WCAG, "resultTypes": ["violations"]})
    return [
        f"{violation['id']}: {node['html'][:160]}"
        for violation in found.response["violations"]
        for node in violation["nodes"]
    ]


@pytest.mark.soak
@pytest.mark.parametrize(("size", "scheme"), SIZED_LOOKS)
async def test_every_page_is_accessible_and_fits(
    browser: Browser, portal: Portal, tmp_path: Path, size: Any, scheme: Any
) -> None:
    context = await browser.new_context(viewport=size, color_scheme=scheme, has_touch=size is PHONE)
    page = await context.new_page()
    wrong: dict[str, list[str]] = {}

    async def look(name: str) -> None:
        await page.screenshot(path=tmp_path / f"{name}.png", full_page=True)
        found = await faults(page)
        if await overflows(page):
            found.append("scrolls sideways")
        if found:
            wrong[name] = found

    for name, path in (await paths(portal)).items():
        await page.goto(portal.url + path)
        await look(name)
    await page.goto(f"{portal.url}/tickets/new?topic=online-banking")
    await page.get_by_role("button", name="Open the ticket").last.click()
    await look("errors")
    await page.goto(f"{portal.url}/tickets/status")
    await fill(page, **{"Your_e-mail_address": "dana@bank.example"}, Ticket_number="100001")
    await page.get_by_role("button", name="Mail me the link").click()
    await look("link sent")
    await page.goto(portal.url + (await portal.threads.reach("open")).path)
    await page.evaluate(DROP, ["[data-files]", ["first.log", "virus.exe"]])
    await eventually(lambda: page.locator(".upload.is-refused").count())
    await look("files")
    assert wrong == {}
    await context.close()


async def test_an_earlier_ticket_is_offered_while_the_subject_is_typed(browser: Browser, portal: Portal) -> None:
    page = await browser.new_page()
    ticket = await portal.threads.open("Card blocked abroad", "kim@bank.example")
    await page.goto(portal.url + ticket.path)
    await page.goto(f"{portal.url}/tickets/new?topic=access")
    await fill(page, Subject="My card is blocked", **{"Your_e-mail_address": "kim@bank.example"})
    offer = page.get_by_role("link", name=f"{ticket.number}: Card blocked abroad")
    await expect(offer).to_be_visible()
    assert await faults(page) == []
    await fill(page, **{"Your_e-mail_address": "kim@else.example"})
    await expect(offer).to_be_hidden()
