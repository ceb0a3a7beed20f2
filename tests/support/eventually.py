"""Waiting for the outcome instead of sleeping for a guess."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast, overload

T = TypeVar("T")

_INTERVAL, _LONGEST = 0.05, 0.5
"""Seconds between two attempts."""


@overload
async def eventually(check: Callable[[], Awaitable[T]], within: float = 10.0) -> T: ...
@overload
async def eventually(check: Callable[[], T], within: float = 10.0) -> T: ...
async def eventually(check: Callable[[], object], within: float = 10.0) -> object:
    """Call `check` until it raises nothing and returns something true (or None); then return that.

    When `within` seconds have passed, raise what the last attempt raised. A check that takes long is called less often:
    it would keep those busy whom it waits for.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within
    while True:
        began = loop.time()
        try:
            result = check()
            if inspect.isawaitable(result):
                result = await cast("Awaitable[object]", result)
            assert result is None or result, f"still {result!r} after {within} s"
        except Exception:
            if loop.time() >= deadline:
                raise
        else:
            return result
        await asyncio.sleep(min(max(_INTERVAL, loop.time() - began), _LONGEST))
