"""A bounded number of workers over many tickets: the next is taken only when one is done."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


async def map_bounded(
    items: Iterable[T], work: Callable[[T], Awaitable[R]], at_once: int, on_done: Callable[[], None]
) -> list[R]:
    """The results in the order of `items`; the first failure ends all."""
    queue = enumerate(items)
    results: dict[int, R] = {}

    async def worker(source: Iterator[tuple[int, T]]) -> None:
        for position, item in source:
            results[position] = await work(item)
            on_done()

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(at_once):
                group.create_task(worker(queue))
    except ExceptionGroup as problems:
        raise problems.exceptions[0] from None
    return [results[position] for position in sorted(results)]
