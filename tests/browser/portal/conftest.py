"""Portals over engines of their own: nobody answers what these tests ask."""

from collections.abc import AsyncIterator

import pytest

from deploy.local.engines import Stack
from tests.browser.portal.portal_server import portal_under
from tests.support.service_engines import engines_of

engines = engines_of("intake")


@pytest.fixture(scope="module")
async def portal(engines: Stack) -> AsyncIterator[str]:
    """The address of a running portal, where the same words may be sent over and over, and quickly."""
    async with portal_under(engines, form_per_minute=1_000) as url:
        yield url
