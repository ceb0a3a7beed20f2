"""One Chromium for all tests of pages."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from tests.browser.chromium import launched


@pytest.fixture(scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The process; tests take `browser`."""
    async with launched() as browser:
        yield browser


@pytest.fixture
async def browser(chromium: Browser) -> AsyncIterator[Browser]:
    """A browser without pages; what a test leaves open is closed, as services wait for pages that follow a stream."""
    yield chromium
    for context in chromium.contexts:
        await context.close()
