"""The same client for programs that are not asynchronous: each method runs its asynchronous original to the end."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import suppress
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from services.intake.client.client import IntakeClient
from services.intake.client.retry import RetryPolicy

Given = ParamSpec("Given")
Result = TypeVar("Result")


def _call(
    method: Callable[Concatenate[IntakeClient, Given], Coroutine[Any, Any, Result]],
) -> Callable[Concatenate["BlockingIntakeClient", Given], Result]:
    def call(self: "BlockingIntakeClient", /, *args: Given.args, **named: Given.kwargs) -> Result:
        return self.runner.run(method(self.client, *args, **named))

    call.__doc__ = method.__doc__
    return call


def _iterate(
    method: Callable[Concatenate[IntakeClient, Given], AsyncIterator[Result]],
) -> Callable[Concatenate["BlockingIntakeClient", Given], Iterator[Result]]:
    def iterate(self: "BlockingIntakeClient", /, *args: Given.args, **named: Given.kwargs) -> Iterator[Result]:
        items = method(self.client, *args, **named)

        async def following() -> Result:
            return await anext(items)

        with suppress(StopAsyncIteration):
            while True:
                yield self.runner.run(following())

    iterate.__doc__ = method.__doc__
    return iterate


class BlockingIntakeClient:
    """`IntakeClient` without `await`; not for use inside a running event loop, nor by several threads at once."""

    def __init__(
        self, base_url: str, api_key: str, *, timeout: float = 30.0, patience: RetryPolicy | None = None
    ) -> None:
        """As for `IntakeClient`."""
        self.runner = asyncio.Runner()
        self.client = IntakeClient(base_url, api_key, timeout=timeout, patience=patience)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_ended: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self.runner.run(self.client.aclose())
        self.runner.close()

    submit = _call(IntakeClient.submit)
    get_ticket = _call(IntakeClient.get_ticket)
    list_tickets = _iterate(IntakeClient.list_tickets)
    list_messages = _iterate(IntakeClient.list_messages)
    post_message = _call(IntakeClient.post_message)
    close_ticket = _call(IntakeClient.close_ticket)
    reopen_ticket = _call(IntakeClient.reopen_ticket)
    list_topics = _iterate(IntakeClient.list_topics)
    upload = _call(IntakeClient.upload)
    events = _iterate(IntakeClient.events)
