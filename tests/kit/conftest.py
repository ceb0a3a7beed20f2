"""A database with the kit's tables, and a bus."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
from sqlalchemy import text

from deploy.local.engines import Stack
from shared.kit.bus import Bus
from shared.kit.db import Database
from shared.kit.settings import ServiceSettings
from shared.kit.tables import KIT
from tests.support.engines import own_engines  # noqa: F401 - a fixture
from tests.support.settings import common_environment

NAME = "kit"


@pytest.fixture(scope="session")
async def kit_settings(engines: Stack) -> ServiceSettings:
    """Settings of a service that has nothing but the kit's tables."""
    connection = await asyncpg.connect(engines.postgres.url("postgres", driver="postgresql"))
    await connection.execute(f"create database {NAME}")
    await connection.close()
    values = {name.removeprefix("EVERDESK_").lower(): value for name, value in common_environment(engines).items()}
    known = {name: values[name] for name in values.keys() & ServiceSettings.model_fields.keys()}
    return ServiceSettings.model_validate(known | {"database_url": engines.postgres.url("postgres", NAME)})


@pytest.fixture(scope="session")
async def made(kit_settings: ServiceSettings) -> AsyncIterator[Database]:
    database = Database.connect(kit_settings)
    async with database.connection() as connection:
        await connection.run_sync(KIT.create_all)
    yield database
    await database.dispose()


@pytest.fixture
async def database(made: Database) -> Database:
    """Empty tables."""
    async with made.connection() as connection:
        await connection.execute(text("truncate outbox, outbox_published, inbox, idempotency_responses"))
    return made


@pytest.fixture
async def bus(kit_settings: ServiceSettings) -> AsyncIterator[Bus]:
    bus = Bus(kit_settings, "test")
    await bus.start()
    yield bus
    await bus.stop()
