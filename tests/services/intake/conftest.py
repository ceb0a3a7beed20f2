"""Intake in process, on the real database and bus, with its jobs running.

Fixtures import what they need when a test asks for them: the process that hands tests out to others loads this file
before it starts them, and needs none of it.
"""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from tests.support.service_engines import engines_of

if TYPE_CHECKING:
    from deploy.local.engines import Stack
    from services.intake.settings import IntakeSettings
    from tests.services.intake.harness import IntakeHarness


engines = engines_of("intake")


@pytest.fixture(scope="session")
async def settings(engines: "Stack", tmp_path_factory: pytest.TempPathFactory) -> "IntakeSettings":
    """The service's settings, its database migrated and seeded."""
    from tests.services.intake.running_intake import seeded

    return await seeded(engines, tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="session")
async def intake(settings: "IntakeSettings") -> AsyncIterator["IntakeHarness"]:
    """The service, running."""
    from tests.services.intake.running_intake import running_intake

    async with running_intake(settings) as harness:
        yield harness
