"""A time limit ends what takes too long, and nothing else."""

import asyncio

import pytest

from shared.kit.time_limit import TimeLimit

SHORT, LONG = 0.05, 30.0


async def test_each_thing_has_its_own_time() -> None:
    limit = TimeLimit(4 * SHORT)
    for _ in range(6):
        with limit:
            await asyncio.sleep(SHORT)
    limit.close()


async def test_what_takes_too_long_is_ended_and_the_next_goes_on() -> None:
    limit = TimeLimit(SHORT)
    for _ in range(2):
        with pytest.raises(TimeoutError), limit:
            await asyncio.Event().wait()
        with limit:
            await asyncio.sleep(0)
    limit.close()
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()


async def test_who_cancels_the_task_is_heard() -> None:
    async def work() -> None:
        with TimeLimit(LONG):
            await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_error_of_its_own_stays_what_it_is() -> None:
    with pytest.raises(LookupError), TimeLimit(SHORT):
        raise LookupError
