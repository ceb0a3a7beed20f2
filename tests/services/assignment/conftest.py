"""The service running for real beside a real worker, and a stand-in for intake that only publishes.

Fixtures import what they need when a test asks for them: the process that hands tests out to others loads this file
before it starts them, and needs none of it.
"""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from tests.support.quick_passwords import quick_passwords  # noqa: F401 - a fixture
from tests.support.service_engines import engines_of

if TYPE_CHECKING:
    from deploy.local.engines import Stack
    from services.assignment.settings import AssignmentSettings
    from shared.kit.bus import Bus
    from tests.services.assignment.desk import Desk


engines = engines_of("assignment")


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
