"""A database with the kit's tables, and a bus.

Fixtures import what they need when a test asks for them: the process that hands tests out to others loads this file
before it starts them, and needs none of it.
"""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from deploy.local.engines import Stack
    from shared.kit.bus import Bus
    from shared.kit.db import Database
    from shared.kit.settings import ServiceSettings

NAME = "kit"


@pytest.fixture(scope="session")
async def engines(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator["Stack"]:
    """Of these tests alone."""
    from tests.support.engines import passing_engines

    async with passing_engines(tmp_path_factory, "own-engines") as running:
        yield running


@pytest.fixture(scope="session")
async def kit_settings(engines: "Stack") -> "ServiceSettings":
    """Settings of a service that has nothing but the kit's tables."""
    import asyncpg

    from shared.kit.settings import ServiceSettings
    from tests.support.settings import common_environment

    connection = await asyncpg.connect(engines.postgres.url("postgres", driver="postgresql"))
    await connection.execute(f"create database {NAME}")
    await connection.close()
    values = {name.removeprefix("EVERDESK_").lower(): value for name, value in common_environment(engines).items()}
    known = {name: values[name] for name in values.keys() & ServiceSettings.model_fields.keys()}
    return ServiceSettings.model_validate(known | {"database_url": engines.postgres.url("postgres", NAME)})


@pytest.fixture(scope="session")
async def made(kit_settings: "ServiceSettings") -> AsyncIterator["Database"]:
    from shared.kit.db import Database
    from shared.kit.tables import KIT

    database = Database.connect(kit_settings)
    async with database.connection() as connection:
        await connection.run_sync(KIT.create_all)
    yield database
    await database.dispose()


@pytest.fixture
async def database(made: "Database") -> "Database":
    """Empty tables."""
    async with made.connection() as connection:
        await connection.exec_driver_sql("truncate outbox, outbox_published, inbox, idempotency_responses")
    return made


@pytest.fixture
async def bus(kit_settings: "ServiceSettings") -> AsyncIterator["Bus"]:
    from shared.kit.bus import Bus

    bus = Bus(kit_settings, "test")
    await bus.start()
    yield bus
    await bus.stop()
