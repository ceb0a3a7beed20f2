"""Real engines for every test that needs them, started once per test process."""

from collections.abc import AsyncIterator, Callable

import pytest

from deploy.local.engines import Stack, stack
from tests.support.settings import common_environment


@pytest.fixture(scope="session")
async def engines(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """PostgreSQL, NATS and Temporal, empty at first and shared by the tests of this process."""
    async with stack(tmp_path_factory.mktemp("engines")) as running:
        yield running


@pytest.fixture
def service_environment(engines: Stack, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, str]]:
    """The environment of one service against these engines; also set for this process."""

    def environment(service: str) -> dict[str, str]:
        values = common_environment(engines) | {"EVERDESK_DATABASE_URL": engines.postgres.url(service)}
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        return values

    return environment
