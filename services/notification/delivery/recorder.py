"""Records accepted mails, grouped into one transaction when they are accepted close together.

While the record of a mail is written its connection hands over the envelope of the next one; the content waits for the
record. So of each connection at most one mail is accepted and not recorded, and a crash repeats no more than that.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from services.notification.delivery.queue import MailJob
from shared.kit.backoff import PATIENT, retry
from shared.kit.leases import HeldLease
from shared.kit.outages import is_unreachable

LINGER_SECONDS = 0.005
"""How long the first waits at most for those that the other connections are about to hand over."""
WRITTEN_TOGETHER = 2
"""When one of so many connections waits for its record they are written, while the others talk with the server."""
HELD_SECONDS = 5.0
"""How long a server is kept waiting in the middle of a mail for the record of the one before."""
Record = asyncio.Future[None]
"""Done once the record of a mail is committed."""


class ContentAfterRecord:
    """Lets the content of a mail follow once the one before is recorded, while the lease of both is held."""

    def __init__(self, before: Record | None, lease: HeldLease) -> None:
        self._before = before
        self._lease = lease

    async def may_follow(self) -> bool:
        """Waits for the record; False if it failed, takes too long, or others may have taken the mail over."""
        if self._before is not None:
            if not self._before.done():
                await asyncio.wait([self._before], timeout=HELD_SECONDS)
            if not self._before.done() or self._before.cancelled() or self._before.exception() is not None:
                return False
        return not self._lease.is_over


class SentRecorder:
    """Writes the records of all connections; each has at most one that is not committed."""

    def __init__(
        self, mark: Callable[[Sequence[tuple[MailJob, str]]], Awaitable[None]], busy: Callable[[], int]
    ) -> None:
        """`mark` writes records; `busy` counts the connections that have a mail under way, handed over or not."""
        self._mark = mark
        self._busy = busy
        self._enough_are_here = asyncio.Event()
        self._waiting: list[tuple[MailJob, str, Record]] = []
        self._writing: asyncio.Task[None] | None = None

    def record(self, job: MailJob, answer: str) -> Record:
        """Records a mail with the server's answer, and tries again until that is done."""
        done: Record = asyncio.get_running_loop().create_future()
        self._waiting.append((job, answer, done))
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        if len(self._waiting) * WRITTEN_TOGETHER >= self._busy():
            self._enough_are_here.set()
        return done

    async def _write(self) -> None:
        while self._waiting:
            with suppress(TimeoutError):
                async with asyncio.timeout(LINGER_SECONDS):
                    await self._enough_are_here.wait()
            self._enough_are_here.clear()
            taken, self._waiting = self._waiting, []
            try:
                jobs = [(job, answer) for job, answer, _ in taken]
                await retry(lambda: self._mark(jobs), PATIENT, is_unreachable)  # noqa: B023 - awaited here
            except Exception as error:  # noqa: BLE001 - whoever waits for it raises it
                _tell(taken, error)
            else:
                _tell(taken, None)


def _tell(taken: Sequence[tuple[MailJob, str, Record]], error: Exception | None) -> None:
    for _, _, done in taken:
        if done.done():  # whoever waited was cancelled
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
