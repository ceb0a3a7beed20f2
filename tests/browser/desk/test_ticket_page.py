"""The ticket's page in a real browser: its whole life by keyboard, drafts, second thoughts, presence, axe, sizes."""

import gzip
import os
import re
from datetime import timedelta
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Locator, Page, expect
from sqlalchemy import insert, update

from services.assignment.models import Note, Topic, table_of
from services.assignment.web.page_base import SESSION_COOKIE
from shared.kit.clock import new_id, utc_now
from tests.browser.chromium import LOOKS, WIDTHS, overflows, page_of
from tests.browser.desk.signing_in import sign_in
from tests.services.assignment.desk import Desk, Json, agent_id
from tests.support.eventually import eventually


async def command(page: Page, words: str) -> None:
    """Runs a command by the palette."""
    await page.keyboard.press("Control+k")
    await expect(page.get_by_role("combobox", name="Command")).to_be_focused()
    await page.keyboard.type(words)
    await page.keyboard.press("Enter")


async def test_a_tickets_whole_life_by_keyboard_alone(address: str, browser: Browser, desk: Desk) -> None:
    ticket = await desk.ticket("online-banking")
    bruno = await desk.agent("bruno")
    await bruno.patch("/v1/me/settings", {"undo_seconds": 0})
    async with page_of(browser) as page:
        await sign_in(page, address, "bruno")
        await command(page, ticket["number"])
        await expect(page.get_by_role("heading", level=1)).to_have_text("Online banking system down")
        status = page.get_by_role("status")
        if ticket["assignee_id"] is None:
            await page.keyboard.press("c")
        else:
            await page.keyboard.press("a")
            await expect(page.get_by_role("group", name="Actions").get_by_label("To", exact=True)).to_be_focused()
            await page.keyboard.type("Bruno")
            await page.keyboard.press("Control+Enter")
        await expect(status).to_be_visible()
        await page.keyboard.press("n")
        await expect(page.get_by_label("Note", exact=True)).to_be_focused()
        await page.keyboard.type("Restarted the gateway.")
        await page.keyboard.press("Control+Enter")
        await expect(status).to_contain_text("Note added.")
        await page.keyboard.press("p")
        await page.keyboard.type("Urgent")
        await page.keyboard.press("Control+Enter")
        await expect(status).to_contain_text("Priority changed.")
        await page.keyboard.press("r")
        await expect(page.get_by_label("Your reply")).to_be_focused()
        await page.keyboard.type("We are on it.")
        await page.keyboard.press("Control+Shift+P")
        await expect(status).to_contain_text("Waiting for the requester.")
        await page.keyboard.press("u")
        await expect(status).to_contain_text("Work goes on.")
        await page.keyboard.press("r")
        await expect(page.get_by_label("Your reply")).to_be_focused()
        await page.keyboard.type("It works again.")
        await page.keyboard.press("Control+Shift+E")
        await expect(status).to_contain_text("Resolved.")
        await page.keyboard.press("o")
        await expect(status).to_contain_text("Reopened.")
        await command(page, "close")
        await expect(page.get_by_label("Reason")).to_be_focused()
        await page.keyboard.type("Resolved")
        await page.keyboard.press("Control+Enter")
        await expect(page.get_by_role("dialog")).to_be_visible()
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await expect(status).to_contain_text("Closed.")
        await page.keyboard.press("g")
        await page.keyboard.press("q")
        await page.wait_for_url(f"{address}/queue")
        await page.keyboard.press("?")
        await expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_contain_text("Go to the queue")


async def test_a_reply_can_be_taken_back_and_a_draft_outlives_its_page(
    address: str, browser: Browser, desk: Desk
) -> None:
    ticket = await desk.ticket("online-banking")
    bruno = await desk.agent("bruno")
    await bruno.patch("/v1/me/settings", {"undo_seconds": 30})
    path = f"/tickets/{ticket['number']}"
    async with page_of(browser) as page:
        await sign_in(page, address, "bruno", path)
        await page.get_by_label("Your reply").fill("A *careful* answer.")
        await expect(page.get_by_text("Draft saved")).to_be_visible()
        await page.get_by_role("button", name="Preview").first.click()
        await expect(page.get_by_role("region", name="Preview").locator("em")).to_have_text("careful")
        await page.goto(f"{address}/queue")
        await page.goto(address + path)
        await expect(page.get_by_label("Your reply")).to_have_value("A *careful* answer.")
        await page.get_by_role("button", name="Send reply").click()
        await expect(page.get_by_role("status")).to_contain_text("goes out in 30 seconds")
        await expect(page.get_by_label("Your reply")).to_have_value("")
        await page.keyboard.press("z")
        await expect(page.get_by_role("status")).to_contain_text("Taken back.")
        await expect(page.get_by_label("Your reply")).to_have_value("A *careful* answer.")
    assert [one for one in (await bruno.get(f"/v1{path}/messages"))["items"] if one["author"]["kind"] == "agent"] == []


async def test_the_same_words_sent_again_from_a_page_gone_back_to_make_one_message(
    address: str, browser: Browser, desk: Desk
) -> None:
    ticket, ada = await desk.ticket_of("ada"), await desk.agent("ada")
    path = f"/tickets/{ticket['number']}"
    async with page_of(browser) as page:
        await sign_in(page, address, path=path)
        for _ in range(2):
            await page.get_by_label("Your reply").fill("Only once, please.")
            await page.get_by_role("button", name="Send reply").click()
            await expect(page.get_by_role("status")).to_be_visible()
            await page.goto(address + path)
    entries = (await ada.get(f"/v1{path}/messages"))["items"]
    assert [one["body"] for one in entries if one["author"]["kind"] == "agent"] == ["Only once, please."]


async def test_two_on_one_ticket_see_each_other_and_what_is_new(address: str, browser: Browser, desk: Desk) -> None:
    ticket, ada = await desk.ticket_of("ada"), await desk.agent("ada")
    path = f"/tickets/{ticket['number']}"
    await ada.post(f"/v1{path}/presence", {"is_typing": True})
    async with page_of(browser) as page:
        await sign_in(page, address, "bruno", path)
        await expect(page.get_by_text("Ada Lindqvist is writing")).to_be_visible()
        await page.get_by_label("Your reply").press_sequentially("Half")
        await ada.post(f"/v1{path}/prioritise", {"priority": "urgent"})
        await desk.seen(ticket["id"], priority="urgent")
        await expect(page.get_by_text("moved on while you write")).to_be_visible()
        await expect(page.get_by_label("Your reply")).to_have_value("Half")


async def long_ticket(desk: Desk, entries: int) -> Json:
    """A ticket with many notes."""
    ticket, now = await desk.ticket("online-banking"), utc_now()
    rows = [
        {
            "id": new_id(),
            "ticket_id": ticket["id"],
            "author_kind": "agent",
            "author_id": agent_id("ada"),
            "author_name": "Ada Lindqvist",
            "body": f"Step {number} of the investigation: looked at the gateway's log.",
            "body_format": "text",
            "added_at": now + timedelta(seconds=number),
        }
        for number in range(entries)
    ]
    async with desk.database.begin() as session:
        for start in range(0, entries, 1000):
            await session.execute(insert(table_of(Note)), rows[start : start + 1000])
    return ticket


async def test_older_entries_come_on_demand_and_the_first_page_is_small(
    address: str, browser: Browser, desk: Desk
) -> None:
    ticket, ada = await long_ticket(desk, 5000), await desk.agent("ada")
    path = f"/tickets/{ticket['number']}"
    page_text = (await desk.http.get(path, headers={"Cookie": f"{SESSION_COOKIE}={ada.token}"})).text
    assert len(gzip.compress(page_text.encode())) < 20_000
    assert "Step 4999 " in page_text
    async with page_of(browser) as page:
        await sign_in(page, address, path=path)
        shown = page.get_by_role("article", name=re.compile("^Internal note"))
        before = await shown.count()
        await page.get_by_role("link", name="Show older").click()
        await eventually(lambda: _more(shown, before))
        await page.get_by_role("navigation", name="Show").get_by_role("link", name="Conversation").click()
        await expect(page.get_by_text("Step 4999 ")).to_have_count(0)
        await expect(page.get_by_role("article", name=re.compile("^Requester"))).to_have_count(1)


async def _more(shown: Locator, before: int) -> None:
    assert await shown.count() > before


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
async def test_axe_finds_nothing_on_the_ticket_page(
    address: str, browser: Browser, desk: Desk, width: int, scheme: str
) -> None:
    ticket, ada = await desk.ticket_of("ada"), await desk.agent("ada")
    path = f"/tickets/{ticket['number']}"
    sent = await ada.post(f"/v1{path}/replies", {"body": "We are *on it*.", "body_format": "markdown"})
    await ada.post(f"/v1{path}/notes", {"body": "Ask @bruno."})
    pages = (
        path,
        f"{path}?show=events",
        f"{path}/edit",
        f"{path}/print",
        f"{path}/canned",
        f"{path}/entries/{sent['message_id']}",
        "/settings",
    )
    async with page_of(browser, viewport={"width": width, "height": 900}, color_scheme=scheme) as page:
        await sign_in(page, address, path=path)
        for one in pages:
            await page.goto(address + one)
            if one == path:
                await page.keyboard.press("Control+k")
                await expect(page.get_by_role("combobox", name="Command")).to_be_focused()
                found = await Axe().run(page)
                assert found.violations_count == 0, found.generate_report()
                await page.keyboard.press("Escape")
            found = await Axe().run(page)
            assert found.violations_count == 0, (one, found.generate_report())
            assert await page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, one


@pytest.mark.parametrize(("device", "scheme"), LOOKS)
async def test_axe_finds_nothing_where_tickets_and_people_are_joined(
    address: str, browser: Browser, desk: Desk, device: str, scheme: str
) -> None:
    """Merges, incidents, earlier states, requesters and organisations; in German, whose words are longer."""
    ticket, other, ada = await desk.ticket(), await desk.ticket(), await desk.agent("ada")
    domain = f"{new_id().hex}.example"
    organisation = await ada.post("/v1/organisations", {"name": domain, "domains": [domain]}, expect=201)
    person = await ada.post("/v1/requesters", {"name": "Ida Weiß", "emails": [f"ida@{domain}"]}, expect=201)
    path, requester = f"/tickets/{ticket['number']}", f"/requesters/{person['id']}"
    await ada.post(f"/v1/tickets/{ticket['id']}/incident", expect=201)
    pages = (
        f"{path}/merge",
        f"{path}/merge?q=banking",
        f"{path}/merge?into={other['number']}",
        f"{path}/incident",
        f"{path}?as_of={utc_now():%Y-%m-%dT%H:%M:%S.%f}Z",
        "/requesters?q=ida",
        requester,
        f"{requester}/edit",
        f"{requester}/merge?q=dana",
        f"/organisations/{organisation['id']}",
        "/account",
    )
    look: Json = {"viewport": {"width": WIDTHS[device], "height": 900}, "color_scheme": scheme, "locale": "de-DE"}
    async with page_of(browser, **look) as page:
        await page.context.add_cookies([{"name": SESSION_COOKIE, "value": ada.token, "url": address}])
        for one in pages:
            answer = await page.goto(address + one)
            assert answer is not None, one
            assert answer.status == 200, one
            await expect(page.locator("html")).to_have_attribute("lang", "de")
            found = await Axe().run(page)
            assert found.violations_count == 0, (one, found.generate_report())
            assert not await overflows(page), one
            if shots := os.environ.get("EVERDESK_SCREENSHOTS"):
                name = re.sub(r"[^a-z]+", "-", one.split("?")[0].replace(domain, ""))
                await page.screenshot(
                    path=Path(shots) / f"joined{name}-{pages.index(one)}-{device}.png", full_page=True
                )


async def test_keys_can_be_changed_but_not_into_a_conflict(address: str, browser: Browser, desk: Desk) -> None:
    ticket = await desk.ticket_of("chioma")
    path = f"/tickets/{ticket['number']}"
    async with page_of(browser) as page:
        await sign_in(page, address, "chioma", "/settings")
        await page.get_by_label("Write a reply").fill("n")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_role("alert")).to_contain_text("n is used for")
        await page.get_by_label("Write a reply").fill("y")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_role("status")).to_contain_text("Your settings are kept.")
        await page.goto(address + path)
        await page.keyboard.press("y")
        await expect(page.get_by_label("Your reply")).to_be_focused()


async def test_a_due_date_is_written_in_the_readers_time_zone(address: str, browser: Browser, desk: Desk) -> None:
    ticket = await desk.ticket("online-banking")
    ada = await desk.agent("ada")
    async with page_of(browser, timezone_id="Asia/Kolkata", locale="en-GB") as page:
        await sign_in(page, address, path=f"/tickets/{ticket['number']}")
        await page.keyboard.press("d")
        group = page.get_by_role("group", name="Actions")
        await expect(group.get_by_text("Time zone: Asia/")).to_be_visible()
        await group.get_by_label("Resolve by").fill("2031-07-01T18:15")
        await group.get_by_role("button", name="Set due date").click()
        await expect(page.get_by_role("status").get_by_text("Due date set.")).to_be_visible()
        clocks = (await ada.get(f"/v1/tickets/{ticket['id']}"))["sla"]["clocks"]
        due = next(clock["due_at"] for clock in clocks if clock["metric"] == "resolution")
        assert due.startswith("2031-07-01T12:45:00")
        await expect(page.get_by_text("due date set to 1 Jul 2031, 18:15").first).to_be_visible()
        await page.locator("summary", has_text="Tasks").click()
        await page.get_by_label("New task").fill("Call the data centre")
        await page.locator("summary", has_text="Who, when, blocking").click()
        await page.locator("#f-task_due_at").fill("2031-01-05T00:10")
        await page.get_by_role("button", name="Add task").click()
        await expect(page.get_by_text("due 5 Jan 2031, 00:10")).to_be_visible()
        await page.locator("summary", has_text="Change").click()
        await expect(page.locator("[name=task_due_at]").first).to_have_value("2031-01-05T00:10")


async def test_tags_are_added_and_taken_off_one_by_one(address: str, browser: Browser, desk: Desk) -> None:
    ticket = await desk.ticket("online-banking")
    async with page_of(browser) as page:
        await sign_in(page, address, path=f"/tickets/{ticket['number']}")
        await page.keyboard.press("l")
        await expect(page.get_by_label("Add tags")).to_be_focused()
        await page.keyboard.type("vip branch-7")
        await page.keyboard.press("Enter")
        await page.get_by_role("button", name="Remove the tag vip").click()
        await expect(page.get_by_role("button", name="Remove the tag vip")).to_have_count(0)
        await expect(page.get_by_role("button", name="Remove the tag branch-7")).to_be_visible()
        await page.get_by_label("Add tags").fill("Not A Tag!")
        await page.keyboard.press("Enter")
        await expect(page.get_by_label("Add tags")).to_have_attribute("aria-invalid", "true")
        await expect(page.get_by_label("Add tags")).to_have_value("Not A Tag!")


async def test_escape_and_a_press_elsewhere_close_an_actions_form(address: str, browser: Browser, desk: Desk) -> None:
    ticket = await desk.ticket("online-banking")
    async with page_of(browser) as page:
        await sign_in(page, address, path=f"/tickets/{ticket['number']}")
        form = page.get_by_role("group", name="Actions").get_by_label("To", exact=True)
        await page.keyboard.press("a")
        await expect(form).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(form).to_be_hidden()
        await expect(page.locator("summary", has_text="Assign").first).to_be_focused()
        await page.keyboard.press("a")
        await expect(form).to_be_focused()
        await page.get_by_role("heading", level=1).click()
        await expect(form).to_be_hidden()


async def test_an_answer_with_choices_is_chosen_when_the_ticket_is_edited(
    address: str, browser: Browser, desk: Desk
) -> None:
    ticket = await desk.ticket("online-banking")
    topic = update(table_of(Topic)).where(table_of(Topic).c.slug == "online-banking")
    known = [{"name": "service", "label": "Which part of it?", "kind": "choice"}]
    async with desk.database.begin() as session:
        await session.execute(topic.values(fields=known))
    try:
        async with page_of(browser) as page:
            await sign_in(page, address, path=f"/tickets/{ticket['number']}/edit")
            await page.get_by_label("Which part of it?").select_option("A payment or transfer")
            await page.get_by_role("button", name="Save").click()
            await expect(page.get_by_role("region", name="Answers")).to_contain_text("payment")
    finally:
        async with desk.database.begin() as session:
            await session.execute(topic.values(fields=[]))
