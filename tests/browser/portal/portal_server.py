"""A portal for the browser, under settings of one's own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from deploy.local.engines import Stack
from deploy.local.engines.ports import find_free_port
from services.intake.app import build
from services.intake.commands.seed import seed
from services.intake.settings import IntakeSettings
from shared.kit.db import Database
from tests.support.eventually import eventually
from tests.support.migrated_engines import migrate_if_needed
from tests.support.settings import common_environment


def portal_settings(engines: Stack, **changes: Any) -> IntakeSettings:
    """Settings of a portal on these engines."""
    common = {name.removeprefix("EVERDESK_").lower(): value for name, value in common_environment(engines).items()}
    port = find_free_port()
    values: dict[str, Any] = {name: common[name] for name in common.keys() & IntakeSettings.model_fields.keys()}
    values |= {"database_url": engines.postgres.url("intake"), "portal_url": f"http://127.0.0.1:{port}", "port": port}
    return IntakeSettings(**({"repeat_minutes": 0} | values | changes))


@asynccontextmanager
async def portal_under(engines: Stack, **changes: Any) -> AsyncIterator[str]:
    """The address of a running portal."""
    async with running(portal_settings(engines, **changes)) as url:
        yield url


@asynccontextmanager
async def running(settings: IntakeSettings) -> AsyncIterator[str]:
    """A portal, migrated, seeded and served."""
    await migrate_if_needed(settings, "services.intake")
    database = Database.connect(settings)
    await seed(database, settings)
    await database.dispose()
    server = uvicorn.Server(uvicorn.Config(build(settings), port=settings.port, log_config=None, access_log=False))
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    yield settings.portal_url
    server.should_exit = True
    await serving
