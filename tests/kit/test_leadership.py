"""Shared jobs: exactly one process runs them, and another within seconds once it is gone."""

import asyncio

import pytest
from sqlalchemy import text

from shared.kit import leadership
from shared.kit.clock import new_id
from shared.kit.db import Database, dsn_of
from shared.kit.leadership import run_by_one
from shared.kit.settings import ServiceSettings
from tests.support.eventually import eventually

CUT_OFF = text("""
select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted
  and (classid::bigint << 32 | objid::bigint) = hashtextextended(:name, 0)
""")


class Replica:
    """A process of a service, with one shared job that tells whether it is running."""

    def __init__(self, settings: ServiceSettings, name: str) -> None:
        self.is_running = False
        self.losses = 0
        self.task = asyncio.create_task(run_by_one(dsn_of(settings), name, {"job": self._work})())

    async def _work(self) -> None:
        self.is_running = True
        try:
            await asyncio.Event().wait()
        finally:
            self.is_running = False
            self.losses += 1

    async def stop(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


async def exactly_one(replicas: list[Replica]) -> None:
    assert sum(one.is_running for one in replicas) == 1


async def has_lost_its_jobs(replica: Replica) -> None:
    assert replica.losses == 1


async def test_one_of_three_runs_the_jobs_and_hands_over_or_loses_them(
    kit_settings: ServiceSettings, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leadership, "TRY_SECONDS", 0.1)
    monkeypatch.setattr(leadership, "CHECK_SECONDS", 0.1)
    name = str(new_id())
    replicas = [Replica(kit_settings, name) for _ in range(3)]
    try:
        await eventually(lambda: exactly_one(replicas))
        first = next(one for one in replicas if one.is_running)
        await first.stop()
        replicas.remove(first)
        await eventually(lambda: exactly_one(replicas))

        second = next(one for one in replicas if one.is_running)
        async with database.connection() as connection:
            await connection.execute(CUT_OFF, {"name": f"leader:{name}"})
        await eventually(lambda: has_lost_its_jobs(second))
        await eventually(lambda: exactly_one(replicas))
    finally:
        await asyncio.gather(*(one.stop() for one in replicas))
