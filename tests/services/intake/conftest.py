"""Intake in process, on the real database and bus, with its jobs running.

Fixtures import what they need when a test asks for them: the process that hands tests out to others loads this file
before it starts them, and needs none of it.
"""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from deploy.local.engines import Stack
    from services.intake.settings import IntakeSettings
    from tests.services.intake.harness import IntakeHarness


@pytest.fixture(scope="session")
async def engines(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> AsyncIterator["Stack"]:
    """Of this service's tests alone, its database migrated."""
    from tests.support.migrated_engines import migrated_engines

    async with migrated_engines(tmp_path_factory, pytestconfig, "intake") as running:
        yield running


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
