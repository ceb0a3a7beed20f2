"""The service running for real beside a real worker, and a stand-in for intake that only publishes.

Fixtures import what they need when a test asks for them: the process that hands tests out to others loads this file
before it starts them, and needs none of it.
"""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from tests.support.quick_passwords import quick_passwords  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from deploy.local.engines import Stack
    from services.assignment.settings import AssignmentSettings
    from shared.kit.bus import Bus
    from tests.services.assignment.desk import Desk


@pytest.fixture(scope="session")
async def engines(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> AsyncIterator["Stack"]:
    """Of this service's tests alone, its database migrated."""
    from tests.support.migrated_engines import migrated_engines

    async with migrated_engines(tmp_path_factory, pytestconfig, "assignment") as running:
        yield running


@pytest.fixture(scope="session")
async def settings(engines: "Stack") -> "AssignmentSettings":
    """The service's settings, its database migrated and seeded."""
    from tests.services.assignment.running_desk import seeded

    return await seeded(engines)


@pytest.fixture(scope="session")
async def worker(engines: "Stack") -> AsyncIterator["Bus"]:
    """The real workflows; its bus is also what these tests publish with."""
    from tests.services.assignment.running_desk import running_worker

    async with running_worker(engines) as bus:
        yield bus


@pytest.fixture(scope="session")
async def desk(settings: "AssignmentSettings", worker: "Bus") -> AsyncIterator["Desk"]:
    """The service, everybody signed in as they need to be."""
    from tests.services.assignment.running_desk import running_desk

    async with running_desk(settings, worker) as desk:
        yield desk
