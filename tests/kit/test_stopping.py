"""A process that is told to stop: others get its jobs and its requests, and it finishes what is under way."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI

from deploy.local.engines.ports import find_free_port
from shared.kit import leadership
from shared.kit.clock import new_id
from shared.kit.db import dsn_of
from shared.kit.http.app import create_app
from shared.kit.leadership import run_by_one
from shared.kit.processes import QuietServer, background
from shared.kit.settings import ServiceSettings, Settings
from shared.kit.stopping import Stopping
from tests.support.eventually import eventually


class Working:
    """A job that tells whether it is running."""

    def __init__(self) -> None:
        self.is_running = False

    async def run(self) -> None:
        self.is_running = True
        try:
            await asyncio.Event().wait()
        finally:
            self.is_running = False


def runs(job: Working, *, is_wanted: bool = True) -> None:
    assert job.is_running is is_wanted


async def test_jobs_end_at_once_but_for_those_that_requests_need() -> None:
    given, kept, stopping = Working(), Working(), Stopping()
    async with background({"given": given.run, "kept": kept.run}, stopping, kept=("kept",)):
        await eventually(lambda: runs(given))
        stopping.begin()
        await eventually(lambda: runs(given, is_wanted=False))
        assert kept.is_running
    assert not kept.is_running


async def test_another_process_leads_while_the_requests_of_the_first_are_finished(
    kit_settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leadership, "TRY_SECONDS", 0.1)
    name, dsn, stopping = str(new_id()), dsn_of(kit_settings), Stopping()
    first, second = Working(), Working()
    async with background({"shared": run_by_one(dsn, name, {"job": first.run})}, stopping):
        await eventually(lambda: runs(first))
        async with background({"shared": run_by_one(dsn, name, {"job": second.run})}):
            stopping.begin()
            await eventually(lambda: runs(second))
            assert not first.is_running


@asynccontextmanager
async def nothing(_app: FastAPI) -> AsyncIterator[None]:
    """A service that needs no start."""
    yield


async def test_requests_are_sent_elsewhere_and_those_under_way_are_answered() -> None:
    app = create_app(
        title="t", service="t", settings=Settings(link_secret="x" * 16), lifespan=nothing, needed={}, wanted={}
    )
    may_answer, port = asyncio.Event(), find_free_port()

    @app.get("/slow")
    async def slow() -> str:
        await may_answer.wait()
        return "done"

    server = QuietServer(uvicorn.Config(app, port=port, log_config=None), app.state.stopping, notice=1.0)
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    async with httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False) as http:
        assert (await http.get("/readyz")).json()["status"] == "ready"
        under_way = asyncio.create_task(http.get("/slow"))
        await eventually(lambda: bool(server.server_state.tasks))
        server.should_exit = True

        async def is_sent_elsewhere() -> None:
            answer = await http.get("/readyz")
            assert (answer.status_code, answer.json()["status"]) == (503, "stopping")
            assert answer.headers["connection"] == "close"

        await eventually(is_sent_elsewhere)
        assert (await http.get("/healthz")).status_code == 200
        may_answer.set()
        assert (await under_way).json() == "done"
    await serving
