"""Starts the service, the workflows and what they need, for the fixtures of these tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from deploy.local.engines import Stack
from services.assignment.app import build
from services.assignment.main import PACKAGE
from services.assignment.seed import seed
from services.assignment.settings import AssignmentSettings
from shared.kit import attention, relay
from shared.kit.bus import Bus
from shared.kit.db import Database
from tests.services.assignment.desk import PASSWORD, Desk
from tests.support.migrated_engines import migrate_if_needed
from tests.support.quick_passwords import quick_hashing
from tests.support.settings import common_environment
from workflows.worker import WorkerSettings, working

NOBODY = "http://127.0.0.1:9"
"""Where the other services would be; nothing listens there."""


async def seeded(engines: Stack) -> AssignmentSettings:
    """The service's settings, its database migrated and seeded."""
    common = {name.removeprefix("EVERDESK_").lower(): value for name, value in common_environment(engines).items()}
    values: dict[str, Any] = {name: common[name] for name in common.keys() & AssignmentSettings.model_fields.keys()}
    values |= {"seed_password": PASSWORD, "outgoing_allowed_networks": "127.0.0.0/8"}
    values |= {"intake_url": NOBODY, "notification_url": NOBODY, "undo_seconds": 0}
    settings = AssignmentSettings(**values, database_url=engines.postgres.url("assignment"))
    await migrate_if_needed(settings, PACKAGE)
    database = Database.connect(settings)
    with quick_hashing():
        await seed(database, PASSWORD)
    await database.dispose()
    return settings


@asynccontextmanager
async def running_worker(engines: Stack) -> AsyncIterator[Bus]:
    """The real workflows, and the bus they publish on."""
    common = {name.removeprefix("EVERDESK_").lower(): value for name, value in common_environment(engines).items()}
    values: dict[str, Any] = {name: common[name] for name in common.keys() & WorkerSettings.model_fields.keys()}
    async with working(WorkerSettings(**values)) as (_, bus):
        yield bus


@asynccontextmanager
async def running_desk(settings: AssignmentSettings, bus: Bus) -> AsyncIterator[Desk]:
    """The service in this process.

    What a process that died left in the outbox is published within a second, in operation within eight, and background
    jobs look again after a fifth of a second, in operation after one.
    """
    app = build(settings)
    database = Database.connect(settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(relay, "SWEEP_SECONDS", 1.0)
        patch.setattr(attention, "SOON_SECONDS", 0.2)
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://desk.example") as http,
        ):
            yield Desk(app, http, bus, database)
    await database.dispose()
