"""Records accepted mails, grouped into one transaction when they are accepted close together."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from services.notification.delivery.queue import MailJob
from shared.kit.backoff import PATIENT, retry
from shared.kit.outages import is_unreachable

LINGER_SECONDS = 0.005
"""How long the first waits at most for those that the other connections are about to hand over."""


class SentRecorder:
    """Each connection waits for the record of its mail, so a crash duplicates at most one mail per connection."""

    def __init__(
        self, mark: Callable[[Sequence[tuple[MailJob, str]]], Awaitable[None]], busy: Callable[[], int]
    ) -> None:
        """`mark` writes records; `busy` counts the connections that have a mail under way, handed over or not."""
        self._mark = mark
        self._busy = busy
        self._all_are_here = asyncio.Event()
        self._waiting: list[tuple[MailJob, str, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None

    async def record(self, job: MailJob, answer: str) -> None:
        """Records a mail with the server's answer; returns once the record is committed; retries until it is."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((job, answer, done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        if len(self._waiting) >= self._busy():
            self._all_are_here.set()
        await done

    async def _write(self) -> None:
        while self._waiting:
            with suppress(TimeoutError):
                async with asyncio.timeout(LINGER_SECONDS):
                    await self._all_are_here.wait()
            self._all_are_here.clear()
            taken, self._waiting = self._waiting, []
            try:
                jobs = [(job, answer) for job, answer, _ in taken]
                await retry(lambda: self._mark(jobs), PATIENT, is_unreachable)  # noqa: B023 - awaited here
            except Exception as error:  # noqa: BLE001 - whoever waits for it raises it
                _tell(taken, error)
            else:
                _tell(taken, None)


def _tell(taken: Sequence[tuple[MailJob, str, "asyncio.Future[None]"]], error: Exception | None) -> None:
    for _, _, done in taken:
        if done.done():  # whoever waited was cancelled
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
