"""The desk on a port of its own, over the system that the tests of assignment use."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import uvicorn

from services.assignment.main import build_app
from services.assignment.settings import AssignmentSettings
from tests.services.assignment.conftest import desk, settings, worker  # noqa: F401 - fixtures
from tests.support.engines import own_engines  # noqa: F401 - a fixture
from tests.support.eventually import eventually


@pytest.fixture(scope="session")
async def address(settings: AssignmentSettings) -> AsyncIterator[str]:  # noqa: F811 - the fixture
    """Where the desk is."""
    config = uvicorn.Config(build_app(settings), host="127.0.0.1", port=0, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await serving
