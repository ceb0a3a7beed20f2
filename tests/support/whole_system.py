"""The whole system as `make run` starts it, for as long as tests need it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from deploy.local.engines.ports import find_free_port
from deploy.local.plan import SERVICES
from deploy.local.private_files import write_private
from tests.local.running import LocalStack
from tests.support.memory_disk import data_folder
from tests.support.migrated_engines import SUPERUSER_PASSWORD, lay_migrated


async def lay_databases(temporary: pytest.TempPathFactory, config: pytest.Config, system: LocalStack) -> None:
    """Spares a system that has never been started the migrations; `tests/browser/first_run` runs them as `make run`."""
    await lay_migrated(temporary, config, system.state, *SERVICES)
    write_private(system.state / "secrets.json", json.dumps({"postgres": SUPERUSER_PASSWORD}))


@asynccontextmanager
async def whole_system(temporary: pytest.TempPathFactory, config: pytest.Config) -> AsyncIterator[LocalStack]:
    """Started on entry, ready, and stopped on exit. It traces, to where a test may listen; else spans are dropped."""
    with data_folder(temporary, "system") as folder:
        running = LocalStack.in_folder(folder, has_stubs=False)
        collector = find_free_port(taken=frozenset(running.ports.values()))
        running.settings = {
            "EVERDESK_LANGUAGES": "en de ar-XB",
            "EVERDESK_OUTGOING_ALLOWED_NETWORKS": "127.0.0.0/8",
            "EVERDESK_TRACES_ENDPOINT": f"http://127.0.0.1:{collector}",
        }
        await lay_databases(temporary, config, running)
        await running.start(within=120)
        try:
            yield running
        finally:
            await running.stop()
