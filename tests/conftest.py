"""Real engines for every test that needs them, started once per test process."""

import shutil
from collections.abc import AsyncIterator, Callable

import pytest

from deploy.local import engines as local_engines
from deploy.local.engines import Stack
from tests.local.running import LocalStack
from tests.support.settings import common_environment


@pytest.fixture(scope="session")
async def engines(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """PostgreSQL, NATS and Temporal, empty at first and shared by the tests of this process."""
    async with local_engines.stack(tmp_path_factory.mktemp("engines")) as running:
        yield running


@pytest.fixture(scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalStack]:
    """The whole system, started as `make run` starts it; one for the tests of a module."""
    folder = tmp_path_factory.mktemp("system")
    running = LocalStack.in_folder(folder, has_stubs=False)
    await running.start(within=120)
    try:
        yield running
    finally:
        await running.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def service_environment(engines: Stack, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, str]]:
    """The environment of one service against these engines; also set for this process."""

    def environment(service: str) -> dict[str, str]:
        values = common_environment(engines) | {"EVERDESK_DATABASE_URL": engines.postgres.url(service)}
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        return values

    return environment


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Shows what tests recorded as their `summary`, whichever process ran them."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.getreports(kind)]
    for line in (text for report in reports for name, text in report.user_properties if name == "summary"):
        terminalreporter.write_line(line)
