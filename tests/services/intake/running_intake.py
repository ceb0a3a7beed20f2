"""Starts the service for the fixtures of these tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from deploy.local.engines import Stack
from services.intake import topic_cache
from services.intake.access.key_scopes import CLIENT_SCOPES
from services.intake.app import build
from services.intake.commands.keys import put_key
from services.intake.commands.seed import seed
from services.intake.settings import IntakeSettings
from shared.kit.auth import ApiKey
from shared.kit.bus import Bus
from shared.kit.db import Database
from tests.services.intake.harness import IntakeHarness
from tests.support.migrated_engines import migrate_if_needed
from tests.support.settings import common_environment


async def seeded(engines: Stack, files: Path) -> IntakeSettings:
    """The service's settings, its database migrated and seeded."""
    common = {name.removeprefix("EVERDESK_").lower(): value for name, value in common_environment(engines).items()}
    values: dict[str, Any] = {name: common[name] for name in common.keys() & IntakeSettings.model_fields.keys()}
    settings = IntakeSettings(
        repeat_minutes=0,
        **values,
        database_url=engines.postgres.url("intake"),
        seed_api_key=str(ApiKey.make()),
        storage_url=str(files),
        invitations_per_mailbox_per_day=0,
        invitations_per_guest_per_day=0,
        invitations_per_address_per_day=0,
    )
    await migrate_if_needed(settings, "services.intake")
    database = Database.connect(settings)
    await seed(database, settings)
    await database.dispose()
    return settings


@asynccontextmanager
async def running_intake(settings: IntakeSettings) -> AsyncIterator[IntakeHarness]:
    """The service in this process. A changed topic takes effect within a second, in operation within five."""
    app = build(settings)
    database, bus, key = Database.connect(settings), Bus(settings, "intake-tests"), ApiKey.make()
    async with database.begin() as session:
        await put_key(session, key, "tests", CLIENT_SCOPES, per_minute=1_000_000)
    await bus.start()
    await bus.jetstream()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(topic_cache, "REMEMBER_SECONDS", 1.0)
        async with app.router.lifespan_context(app):
            yield IntakeHarness(app, database, bus, key)
    await bus.stop()
    await database.dispose()
