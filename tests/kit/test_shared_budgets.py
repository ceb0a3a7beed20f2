"""Budgets that several processes count: together they let through what one would, and a lost database stops nobody."""

import asyncio

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select, update

from deploy.local.engines.ports import find_free_port
from shared.kit.clock import new_id
from shared.kit.db import Database
from shared.kit.http.problems import Problem
from shared.kit.http.rate_limits import RateLimiter
from shared.kit.settings import ServiceSettings
from shared.kit.shared_budgets import SharedBudgets, forget_whole_budgets, rate_budgets

SLOW = 3600.0
"""A window in which nothing comes back while a test runs."""


@pytest.fixture
async def settings(kit_settings: ServiceSettings, database: Database) -> ServiceSettings:
    async with database.connection() as connection:
        await connection.run_sync(lambda sync: rate_budgets.create(sync, checkfirst=True))
    return kit_settings.model_copy(update={"shared_limits": True})


def replicas(database: Database, settings: ServiceSettings, quantity: int, count: int = 3) -> list[RateLimiter]:
    name = str(new_id())
    return [RateLimiter(name, quantity, window=SLOW, shared=SharedBudgets(database, settings)) for _ in range(count)]


async def let_through(limiter: RateLimiter, requests: int) -> int:
    async def ask() -> bool:
        try:
            await limiter.check(None, "somebody@company.example")
        except Problem as problem:
            return problem.status != 429
        return True

    return sum(await asyncio.gather(*(ask() for _ in range(requests))))


async def test_three_processes_let_through_what_one_does(database: Database, settings: ServiceSettings) -> None:
    three = replicas(database, settings, quantity=10)
    passed = await asyncio.gather(*(let_through(one, 10) for one in three))
    assert sum(passed) == 10


async def test_a_large_budget_is_passed_by_a_twentieth_for_each_process(
    database: Database, settings: ServiceSettings
) -> None:
    first, *others = replicas(database, settings, quantity=100)
    assert await let_through(first, 120) == 100
    assert [await let_through(other, 120) for other in others] == [4, 4]


async def test_callers_are_hashed_and_forgotten(database: Database, settings: ServiceSettings) -> None:
    (limiter,) = replicas(database, settings, quantity=10, count=1)
    await limiter.check(None, "somebody@company.example")
    async with database.begin() as session:
        callers = (await session.scalars(select(rate_budgets.c.caller))).all()
        assert callers
        assert all(len(one) == 16 for one in callers)
        await session.execute(update(rate_budgets).values(whole_at=func.now() - func.make_interval(0, 0, 0, 0, 0, 1)))
        await forget_whole_budgets(session)
        assert not (await session.scalars(select(rate_budgets.c.caller))).all()


async def test_without_its_database_a_process_counts_alone(settings: ServiceSettings) -> None:
    away = settings.model_copy(
        update={"database_url": SecretStr(f"postgresql+asyncpg://x@127.0.0.1:{find_free_port()}/x")}
    )
    database = Database.connect(away)
    try:
        assert await let_through(replicas(database, away, quantity=10, count=1)[0], 15) == 10
    finally:
        await database.dispose()
