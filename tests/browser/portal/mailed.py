"""Reading the mail of whoever opened a ticket: the portal shows its link to nobody."""

from urllib.parse import urlsplit

from playwright.async_api import Page, expect

from services.intake.access.receipts import Receipts
from shared.kit.auth import TicketLink, TicketLinks
from shared.kit.settings import Settings

SETTINGS = Settings.model_validate({"link_secret": "a-secret-only-for-tests"})


async def follow_the_mailed_link(page: Page) -> str:
    """From the receipt to the thread by the link that the acknowledgement brings; the thread's address."""
    await expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    receipt = Receipts(SETTINGS).read(urlsplit(page.url).path.rpartition("/")[2])
    assert receipt, page.url
    assert "/t/" not in await page.content()
    email = await page.locator(".thanks strong").inner_text()
    token = TicketLinks(SETTINGS).token(TicketLink(receipt, email, is_mailed=True))
    await page.goto(f"{urlsplit(page.url).scheme}://{urlsplit(page.url).netloc}/t/{token}")
    return page.url
