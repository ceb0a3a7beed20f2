"""The desk on a port of its own, over the system that the tests of assignment use, with intake beside it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from fastapi import FastAPI

from deploy.local.plan import SERVICES
from services.assignment import app as assignment
from services.assignment.settings import AssignmentSettings
from services.intake.app import build
from services.intake.settings import IntakeSettings
from tests.services.assignment.conftest import desk, settings, worker  # noqa: F401 - fixtures
from tests.services.intake.conftest import settings as intake_settings  # noqa: F401 - a fixture
from tests.support.eventually import eventually
from tests.support.service_engines import engines_of

engines = engines_of(*SERVICES)


@asynccontextmanager
async def serving(app: FastAPI) -> AsyncIterator[str]:
    """Where an application is served meanwhile."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False)
    server = uvicorn.Server(config)
    task = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await task


@pytest.fixture(scope="session")
async def portal_address(intake_settings: IntakeSettings) -> AsyncIterator[str]:  # noqa: F811 - the fixture
    """Where the support centre is."""
    async with serving(build(intake_settings)) as url:
        yield url


@pytest.fixture(scope="session")
async def address(settings: AssignmentSettings, portal_address: str) -> AsyncIterator[str]:  # noqa: F811
    """Where the desk is."""
    async with serving(assignment.build(settings.model_copy(update={"intake_url": portal_address}))) as url:
        yield url
