"""A forgotten password and an invitation, from the form over the real mail to the desk, by keyboard."""

import re
from functools import partial

from playwright.async_api import Browser, Page, expect

from shared.kit.clock import new_id
from tests.browser.chromium import page_of
from tests.local.running import LocalStack
from tests.support.api import Json, SystemClients
from tests.support.eventually import eventually

LINK = re.compile(r"http://\S+/set-password/\S+")
FIRST, SECOND = "violet-harbour-cheese-39", "copper-lantern-meadow-52"


async def link_in(system: SystemClients, email: str, count: int) -> str:
    """The link in the newest of so many mails."""
    mails = await system.mails_to(email)
    assert len(mails) == count
    newest = max(mails, key=lambda mail: str(mail["Created"]))
    mail: Json = await system.mail.get(f"/api/v1/message/{newest['ID']}")
    found = LINK.search(mail["Text"])
    assert found, mail["Text"]
    return found[0]


async def choose(page: Page, password: str) -> None:
    """The form behind the link."""
    await expect(page.get_by_label("New password")).to_be_focused()
    await page.keyboard.type(password)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("status")).to_contain_text("Your password is set")


async def sign_in(page: Page, email: str, password: str) -> None:
    await page.get_by_label("E-mail address").focus()
    await page.keyboard.type(email)
    await page.keyboard.press("Tab")
    await page.keyboard.type(password)
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/queue")


async def test_a_new_agent_accepts_the_invitation_and_later_forgets_the_password(
    stack: LocalStack, browser: Browser
) -> None:
    system, email = SystemClients(stack.described()), f"ines-{new_id().hex[-8:]}@everdesk.example"
    ada = await system.sign_in("ada@everdesk.example")
    await ada.post("/v1/agents", {"email": email, "name": "Ines Newcomer"}, expect=201)
    invitation = await eventually(partial(link_in, system, email, 1), within=30)
    async with page_of(browser) as page:
        await page.goto(invitation)
        await choose(page, FIRST)
        await sign_in(page, email, FIRST)
    async with page_of(browser) as page:
        await page.goto(system.desk.base_url)
        await page.get_by_role("link", name="Forgot your password?").focus()
        await page.keyboard.press("Enter")
        await expect(page.get_by_label("E-mail address")).to_be_focused()
        await page.keyboard.type(email)
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("status")).to_contain_text("a mail with a link is on its way")
        reset = await eventually(partial(link_in, system, email, 2), within=30)
        await page.goto(reset)
        await choose(page, SECOND)
        await sign_in(page, email, SECOND)
        answer = await page.goto(reset)
        assert answer is not None
        assert answer.status == 410
    log = "\n".join(path.read_text(errors="replace") for path in stack.folder.rglob("*.log"))
    for link in (invitation, reset):
        assert link.rpartition("/")[2] not in log, "no log holds a link"
