"""What a step of the demonstration must make true, and waiting for it with a deadline."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 15.0
"""Seconds that something which happens behind the APIs may take."""
_LONGEST_TEXT = 500
_FIRST_PAUSE, _LONGEST_PAUSE, _SLOWER = 0.05, 0.5, 1.3
"""Looking again costs the services work: soon at first, then less and less often."""


class DemoError(Exception):
    """A sentence for the person who started the demonstration; shown without a traceback."""


class StepFailed(DemoError):
    """Something is not as it should be: what was expected, and what was found instead."""

    def __init__(self, what: str, expected: object, found: object) -> None:
        super().__init__(f"{what}\n  expected  {brief(expected)}\n  found     {brief(found)}")
        self.what, self.expected, self.found = what, expected, found


def brief(value: object) -> str:
    """A value as a person can take it in; of a ticket what matters most."""
    if isinstance(value, Mapping) and {"number", "status"} <= value.keys():
        assignee = (value.get("assignee") or {}).get("name", "nobody")
        told = f"ticket {value['number']}: {value['status']}, revision {value.get('revision')}"
        return f"{told}, assigned to {assignee}" if "assignee" in value else told
    text = str(value)
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]} ..."


def equal(what: str, found: object, expected: object) -> None:
    """Raises StepFailed unless both are the same."""
    if found != expected:
        raise StepFailed(what, expected, found)


async def until(
    what: str, look: Callable[[], Awaitable[T]], holds: Callable[[T], bool], expected: object, within: float = PATIENCE
) -> T:
    """Looks again and again until it holds, and returns what was seen then.

    Raises StepFailed with what was seen last when `within` seconds have passed.
    """
    loop = asyncio.get_running_loop()
    deadline, pause = loop.time() + within, _FIRST_PAUSE
    while not holds(seen := await look()):
        if loop.time() >= deadline:
            raise StepFailed(f"{what} (waited {within:.0f} s)", expected, seen)
        await asyncio.sleep(pause)
        pause = min(pause * _SLOWER, _LONGEST_PAUSE)
    return seen
