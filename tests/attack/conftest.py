"""The services that are attacked, each one for all files: to start them takes longer than most attacks.

Fixtures import what they need when a test asks for them.
"""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from tests.services.intake.conftest import intake, settings  # noqa: F401 - fixtures
from tests.support.service_engines import engines_of

if TYPE_CHECKING:
    from deploy.local.engines import Stack
    from services.assignment.settings import AssignmentSettings
    from tests.services.assignment.desk import Desk

engines = engines_of("intake")
desk_engines = engines_of("assignment", name="desk_engines")


@pytest.fixture(scope="session")
async def desk_settings(desk_engines: "Stack") -> "AssignmentSettings":
    """The settings of the desk, its database migrated and seeded."""
    from tests.services.assignment.running_desk import seeded

    return await seeded(desk_engines)


@pytest.fixture(scope="session")
async def desk(desk_engines: "Stack", desk_settings: "AssignmentSettings") -> AsyncIterator["Desk"]:
    """The desk, beside a real worker."""
    from tests.services.assignment.running_desk import running_desk, running_worker

    async with running_worker(desk_engines) as bus, running_desk(desk_settings, bus) as desk:
        yield desk
