"""The way in, as an agent takes it."""

from playwright.async_api import Page

from tests.services.assignment.desk import PASSWORD


async def sign_in(page: Page, address: str, name: str = "ada", path: str = "/queue") -> None:
    """Signs in, and goes on to the page that was asked for."""
    await page.goto(address + path)
    await page.get_by_label("E-mail address").fill(f"{name}@everdesk.example")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.wait_for_url(address + path)
