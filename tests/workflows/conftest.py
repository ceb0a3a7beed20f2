"""Temporal's two servers, one that skips time and one that is the real thing.

Fixtures import what they need when a test asks for them: the process that hands tests out to others loads this file
before it starts them, and needs none of it.
"""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from temporalio.client import Client

    from tests.workflows.driver import TicketDriver


@pytest.fixture
async def skipping() -> AsyncIterator["TicketDriver"]:
    """A server whose clock jumps to the next timer."""
    from tests.workflows.driver import skipping_server

    async with skipping_server() as driver:
        yield driver


@pytest.fixture(scope="session")
async def server() -> AsyncIterator["Client"]:
    """The development server, in memory, which suggests to continue as new after few events."""
    from tests.workflows.driver import development_server

    async with development_server() as client:
        yield client


@pytest.fixture
async def desk(server: "Client") -> AsyncIterator["TicketDriver"]:
    """The development server with a worker."""
    from tests.workflows.driver import with_worker

    async with with_worker(server) as driver:
        yield driver
