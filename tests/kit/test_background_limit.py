"""Work that can wait gives way to answers that people wait for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from shared.kit.background_limit import COUNTED, RECENT_SECONDS, AnswerTimes, BackgroundLimit

MOST = 8


class Watch:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Commands:
    """Agents' commands that take as long as they are told to."""

    def __init__(self) -> None:
        self.watch = Watch()
        self.times = AnswerTimes(self.watch)

    def answer(self, seconds: float, count: int = COUNTED) -> None:
        for _ in range(count):
            with self.times.timed():
                self.watch.now += seconds


async def work_through(limit: BackgroundLimit, calls: int = 1) -> None:
    for _ in range(calls):
        async with limit.place():
            pass


async def slow_down(commands: Commands, limit: BackgroundLimit) -> None:
    """Commands become slow, until one place is left."""
    commands.answer(0.01)
    for _ in range(4):
        commands.answer(0.05)
        await work_through(limit)
    assert limit.limit == 1


@asynccontextmanager
async def full(limit: BackgroundLimit, places: int) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        for _ in range(places):
            await stack.enter_async_context(limit.place())
        yield


async def test_with_nobody_at_work_all_places_are_used_and_no_more() -> None:
    limit = BackgroundLimit(MOST, AnswerTimes())
    async with full(limit, MOST):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await work_through(limit)
    await work_through(limit, MOST)


async def test_slow_commands_leave_one_place_and_quick_ones_give_all_back() -> None:
    commands = Commands()
    limit = BackgroundLimit(MOST, commands.times)
    commands.answer(0.01)
    await work_through(limit)
    assert limit.limit == MOST
    for expected in (4, 2, 1, 1):
        commands.answer(0.05)
        await work_through(limit)
        assert limit.limit == expected
    for expected in (2, 3, 4, 5, 6, 7, 8, 8):
        commands.answer(0.01)
        await work_through(limit)
        assert limit.limit == expected


async def test_one_slow_command_among_quick_ones_changes_nothing() -> None:
    commands = Commands()
    limit = BackgroundLimit(MOST, commands.times)
    commands.answer(0.01)
    commands.answer(2.0, count=1)
    commands.answer(0.01, count=COUNTED - 1)
    await work_through(limit)
    assert limit.limit == MOST


async def test_once_agents_stop_the_backlog_goes_at_full_speed() -> None:
    commands = Commands()
    limit = BackgroundLimit(MOST, commands.times)
    await slow_down(commands, limit)
    commands.watch.now += RECENT_SECONDS + 1
    await work_through(limit)
    assert limit.limit == MOST


async def test_a_system_that_became_slower_for_good_is_the_usual_one_after_an_hour() -> None:
    commands = Commands()
    commands.answer(0.01)
    commands.answer(0.05)
    assert commands.times.slowdown() == pytest.approx(5)
    commands.watch.now += 3601
    commands.answer(0.05)
    assert commands.times.slowdown() == pytest.approx(1)


async def test_a_failed_command_tells_nothing() -> None:
    commands = Commands()
    for _ in range(COUNTED):
        with pytest.raises(ValueError, match="refused"), commands.times.timed():
            raise ValueError("refused")
    assert commands.times.slowdown() is None


async def test_a_call_that_hangs_holds_up_no_other() -> None:
    commands = Commands()
    limit = BackgroundLimit(MOST, commands.times, stalled=0.01)
    await slow_down(commands, limit)
    async with limit.place(), asyncio.timeout(5):
        await work_through(limit)


async def test_those_who_waited_longest_are_next_and_the_cancelled_are_left_out() -> None:
    limit = BackgroundLimit(1, AnswerTimes())
    order: list[int] = []

    async def one(number: int) -> None:
        async with limit.place():
            order.append(number)

    async with limit.place():
        tasks = [asyncio.create_task(one(number)) for number in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert order == [0, 2]


async def test_a_call_cancelled_as_it_got_its_place_gives_it_back() -> None:
    limit = BackgroundLimit(1, AnswerTimes())
    async with limit.place():
        late = asyncio.create_task(work_through(limit))
        await asyncio.sleep(0)
    late.cancel()
    await asyncio.gather(late, return_exceptions=True)
    async with asyncio.timeout(5):
        await work_through(limit)
