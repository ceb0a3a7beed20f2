"""Real engines for every test that needs them, started once per test process.

Fixtures import what they need when a test asks for them: the process that hands tests out to others loads this file
before it starts them, and needs none of it.
"""

import gc
import os
from collections.abc import AsyncIterator, Callable, Generator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from deploy.local.engines import Stack
    from tests.local.running import LocalStack
    from tests.support.scheduling import CostScheduling

SELDOM = (20_000, 20, 50)
"""How rarely garbage is looked for, which is as in the services: the usual limits take an eighth of the time."""


@pytest.fixture(scope="session")
def event_loop_policy() -> object:
    """The event loop that the services run on: tests take a tenth less time with it than with asyncio's own."""
    import uvloop

    return uvloop.EventLoopPolicy()


@pytest.fixture(scope="session")
async def engines(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator["Stack"]:
    """PostgreSQL, NATS and Temporal, empty at first and shared by the tests of this process."""
    from tests.support.engines import passing_engines

    async with passing_engines(tmp_path_factory, "engines") as running:
        yield running


@pytest.fixture(scope="session")
async def stack(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> AsyncIterator["LocalStack"]:
    """The whole system, started as `make run` starts it; one for all tests of this process.

    Its tickets and mails are everybody's: a test looks for its own, by an address or a subject nobody else has.
    """
    from tests.support.whole_system import whole_system

    async with whole_system(tmp_path_factory, pytestconfig) as running:
        yield running


@pytest.fixture
def service_environment(engines: "Stack", monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict[str, str]]:
    """The environment of one service against these engines; also set for this process."""

    from tests.support.settings import common_environment

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


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What collection imports stays, so it is never looked through for garbage: that took a tenth of the start."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()
        gc.set_threshold(*SELDOM)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> "CostScheduling | None":
    """Under `--dist loadfile`: dear files first."""
    from tests.support.scheduling import CostScheduling

    return CostScheduling(config, log) if config.getvalue("dist") == "loadfile" else None


class FailuresAtOnce:
    """Names each failure when it happens; pytest itself names them at the end, which a stopped run never reaches."""

    def __init__(self, terminal: pytest.TerminalReporter) -> None:
        self.terminal = terminal

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Called for set-up, call and tear-down of each test, by whichever process ran it."""
        if report.failed:
            self.terminal.write_line(f"FAILED {report.nodeid} ({report.when}, {report.duration:.1f} s)", red=True)
            self.terminal.flush()


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """In CI, a failure is named at once."""
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") == "true" and isinstance(terminal, pytest.TerminalReporter):
        config.pluginmanager.register(FailuresAtOnce(terminal), "failures-at-once")
