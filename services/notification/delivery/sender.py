"""The sender loop: woken after commits, with a periodic sweep in case a wake-up was lost."""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from typing import Any

from services.notification.delivery.compose import Composer, is_risky, read_words
from services.notification.delivery.connection_lane import ConnectionLane, WrittenMail
from services.notification.delivery.edited_templates import TemplateEdits
from services.notification.delivery.lost_mails import LostMails
from services.notification.delivery.queue import BATCH, DeliveryQueue, MailJob, without_address
from services.notification.delivery.recorder import ContentAfterRecord, SentRecorder
from services.notification.delivery.sender_name import SenderName
from services.notification.delivery.smtp import MailConnection, ping
from services.notification.errors import MailConnectionLost, MailRefused, MailServerAway, MailWithheld
from services.notification.settings import NotificationSettings
from shared.kit.backoff import PATIENT, retry
from shared.kit.leases import HeldLease
from shared.kit.outages import is_unreachable, unless_away
from shared.kit.return_paths import ReturnPaths
from shared.kit.telemetry import MAILS, log
from shared.kit.time_limit import TimeLimit
from shared.kit.tracing import SpanKind, resumed_span
from shared.kit.user_content.renderer import BodyRenderer

SWEEP_SECONDS = 8.0
"""How long nobody looks for work of which no wake-up came: what another process that has died was about to do."""
SOON_SECONDS = 1.0
"""After a wake-up, when to look for what is due a moment later."""
LEASE = timedelta(seconds=10)
"""How long after a crash others take over; a sender that lives renews it."""
FATAL = "the sender ended twice while it wrote this mail; look at the message, then retry the delivery"
MAIL_SECONDS = 60.0
"""The longest one mail may take."""
SLOW_SECONDS = 3.0
"""How long a batch waits for its slowest connection."""
BATCH_SECONDS = 0.5
"""How long a batch should take: longer ones leave connections idle less often."""
LARGEST_BATCH = 400


@dataclass(frozen=True, slots=True)
class ClaimedBatch:
    """Mails to send, and whether there were as many as asked for."""

    jobs: list[MailJob]
    is_full: bool


class Sender:
    """Sends due mails over a few reused connections; mails of one ticket keep their order."""

    def __init__(
        self,
        queue: DeliveryQueue,
        settings: NotificationSettings,
        settle: Callable[[], Awaitable[None]],
        edited: TemplateEdits | None = None,
        name: SenderName | None = None,
    ) -> None:
        self._queue = queue
        self._edited = edited
        self._composer = Composer(settings, edited, name)
        self._renderer = BodyRenderer()
        self._connections = [MailConnection(settings) for _ in range(settings.smtp_connections)]
        self._recorder = SentRecorder(self._mark_sent, lambda: self._under_way)
        self._under_way = 0
        self._settle = settle
        self._look_at = 0.0
        self._woken = asyncio.Event()
        self._is_stopping = False
        self._slow: dict[MailConnection, asyncio.Task[None]] = {}
        self._circuit = queue.circuit
        self._paused_for: float | None = None
        self._slow_failure: MailServerAway | None = None
        self._losses = LostMails()
        self._settings = settings
        self._return_paths = ReturnPaths(settings) if settings.mail_return_tokens else None

    async def redact_ahead(self, value: object) -> None:
        """Redacts personal links in the long texts of an event, in a worker process."""
        await self._renderer.redact_if_possible(value)

    def wake(self) -> None:
        """Wakes the loop."""
        self._woken.set()

    async def run(self) -> None:
        """Sends until cancelled; pauses while the mail server or the database is unreachable."""
        self._is_stopping, self._look_at = False, 0.0
        clock = asyncio.get_running_loop()
        try:
            while True:
                self._woken.clear()
                is_look = clock.time() >= self._look_at
                work = self._look if is_look else self._send_all_due
                await retry(lambda: self._finish(self._guarded(work())), PATIENT, _is_away, _log_pause)  # noqa: B023
                if not is_look:
                    self._look_at = min(self._look_at, clock.time() + SOON_SECONDS)
                with suppress(TimeoutError):
                    async with asyncio.timeout(max(0.0, self._look_at - clock.time())):
                        await self._woken.wait()
        finally:
            for connection in self._connections:
                await connection.close()
            await self._renderer.close()

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        """Raises MailServerAway, to be tried again soon, until that has happened so often that the circuit opens."""
        try:
            await work
        except MailServerAway as error:
            if not await self._circuit.note_failure(str(error)):
                raise
            log.warning("mail.circuit_open", error=str(error))
            self._look_at = 0.0

    async def _finish(self, work: Coroutine[Any, Any, None]) -> None:
        """Waits at shutdown for the mail under way, which might otherwise be accepted and not recorded."""
        task = asyncio.create_task(work)
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            self._is_stopping = True
            with suppress(Exception):
                await task
            await asyncio.gather(*self._slow.values(), return_exceptions=True)
            raise

    async def _look(self) -> None:
        """The sweep: resolves recipients, finds due mails, and returns when the next one is due.

        Covers retries, mails held back for consolidation, and leases of crashed senders.
        """
        await self._settle()
        await self._send_all_due()
        due_in = await self._queue.next_due_in()
        pauses = (pause for pause in (due_in, self._paused_for) if pause is not None)
        pause = min((SWEEP_SECONDS, *pauses))
        self._look_at = asyncio.get_running_loop().time() + pause

    async def _send_all_due(self) -> None:
        """Sends what the circuit permits. Raises MailServerAway, also for what a slow connection met meanwhile."""
        failure, self._slow_failure = self._slow_failure, None
        if failure is not None:
            raise failure
        permit = await self._circuit.ask()
        self._paused_for = permit.pause
        if permit.pause is None and (not permit.is_trial or await self._try_server()):
            await self._send_batches()

    async def _send_batches(self) -> None:
        """Sends all that is due; the next batch is claimed while one is sent."""
        clock, size, is_more, was_put_back = asyncio.get_running_loop(), BATCH, True, False
        ahead: asyncio.Task[ClaimedBatch] | None = None
        try:
            while is_more and not self._is_stopping:
                if self._slow or was_put_back:  # what stood behind a slow connection comes first
                    await self._let_go(ahead)
                    ahead = None
                while len(self._slow) == len(self._connections):
                    await asyncio.wait(self._slow.values(), return_when=asyncio.FIRST_COMPLETED)
                claiming, ahead = ahead or asyncio.create_task(self._claim(size)), None
                batch, began = await claiming, clock.time()
                if batch.is_full and not self._slow:
                    ahead = asyncio.create_task(self._claim(size))
                was_put_back = bool(batch.jobs) and await self._send_batch(batch.jobs)
                is_more = was_put_back or batch.is_full
                size = BATCH if was_put_back else _next_size(len(batch.jobs), clock.time() - began)
        finally:
            await self._let_go(ahead)

    async def _let_go(self, claiming: "asyncio.Task[ClaimedBatch] | None") -> None:
        """Returns a batch that was claimed ahead; if the database is away its lease runs out."""
        if claiming is None:
            return
        with unless_away():
            batch = await claiming
            if batch.jobs:
                await self._queue.release(batch.jobs, "it was claimed ahead and is not sent now")

    async def _claim(self, most: int) -> "ClaimedBatch":
        """Claims due mails, and learns of templates that were edited."""
        jobs = await self._queue.claim(most)
        if jobs and self._edited is not None:
            await self._edited.refresh()
        return ClaimedBatch(jobs, len(jobs) == most)

    async def _try_server(self) -> bool:
        """Sends one mail, or connects where none is due; True if the circuit is closed by that."""
        batch = await self._claim(1)
        if batch.jobs:
            await self._send_batch(batch.jobs)
        else:
            await ping(self._settings)
            await self._circuit.note_success()
        return not self._circuit.is_suspect

    async def _send_batch(self, jobs: Sequence[MailJob]) -> bool:
        """Sends a batch over the free connections; True if some mails were returned to the queue.

        A connection that waits for the server keeps its mail; the others continue.
        """
        free = [connection for connection in self._connections if connection not in self._slow]
        lanes = [deque(lane) for lane in _lanes(jobs, len(free))]
        sending = {
            asyncio.create_task(self._send_lane(connection, lane)): (connection, lane)
            for connection, lane in zip(free, lanes, strict=True)
            if lane
        }
        try:
            done, late = await asyncio.wait(sending, timeout=SLOW_SECONDS)
        except asyncio.CancelledError:
            for task in sending:
                task.cancel()
            raise
        put_back = [job for task in late for job in self._leave_alone(*sending[task], task)]
        if put_back:
            await self._queue.release(put_back, "the mails before it took the server too long")
        for error in [task.exception() for task in done]:
            if error is not None:
                raise error
        return bool(put_back)

    def _leave_alone(
        self, connection: MailConnection, lane: deque[MailJob], task: asyncio.Task[None]
    ) -> Sequence[MailJob]:
        """Returns the mails queued behind a slow connection."""
        self._slow[connection] = task
        task.add_done_callback(lambda _: self._is_free(connection, task))
        waiting = list(lane)
        lane.clear()
        return waiting

    def _is_free(self, connection: MailConnection, task: asyncio.Task[None]) -> None:
        del self._slow[connection]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("mail.paused", error=str(error))
            if isinstance(error, MailServerAway):
                self._slow_failure = error
        self._look_at = 0.0
        self.wake()

    async def _send_lane(self, connection: MailConnection, jobs: deque[MailJob]) -> None:
        """Sends mails one after another; leaves them alone once others may have taken them over.

        Returns or raises when the last record is committed.
        """
        self._under_way += 1
        lane = ConnectionLane(connection, jobs, TimeLimit(MAIL_SECONDS))
        try:
            async with self._queue.keeping(list(jobs)) as lease:
                try:
                    await self._send_all_of(lane, lease)
                except Exception:
                    await lane.recorded()
                    raise
                await lane.recorded()
        finally:
            lane.limit.close()
            self._under_way -= 1

    async def _send_all_of(self, lane: ConnectionLane, lease: HeldLease) -> None:
        while lane.is_busy:
            if lease.is_over:
                log.warning("mail.lease_over", count=len(lane.left()))
                return
            if self._is_stopping:
                await self._queue.release(lane.left(), "the sender was stopped")
                return
            written = await self._next(lane)
            if written is None:
                continue
            try:
                await self._send(lane, written, lease)
            except MailWithheld:
                lane.put_back(written)
                await lane.recorded()
            except MailServerAway as error:
                if not lease.is_over:
                    await self._queue.release([written.job, *lane.left()], f"the mail server is away: {error}"[:1000])
                raise

    async def _send(self, lane: ConnectionLane, written: WrittenMail, lease: HeldLease) -> None:
        """Sends one mail; a crash between acceptance and record is the only way to duplicate it.

        Its content follows once the record of the lane's mail before it is committed; meanwhile the next is written.
        Raises MailWithheld if that is late.
        """
        job = written.job
        lane.following = await self._write_following(lane)
        following = lane.following.mail if lane.following else None
        try:
            with resumed_span(job.cause, "mail send", SpanKind.CLIENT, template=job.template), lane.limit:
                gate = ContentAfterRecord(lane.record, lease)
                answer = await lane.connection.send(written.mail, gate, following)
        except MailRefused as refusal:
            if refusal.is_answer:
                await self._answered(job)
            await self._refused(job, refusal)
        except MailConnectionLost as lost:
            reason = without_address(str(lost), job.address)
            if not self._losses.is_its_doing(job.id):
                raise MailServerAway(reason) from lost
            await self._refused(job, MailRefused(f"the server ends the connection at it: {reason}", is_permanent=False))
        except TimeoutError:
            await lane.connection.close()
            await self._refused(job, MailRefused("the mail server was too slow", is_permanent=False))
        else:
            lane.record = self._recorder.record(job, answer)
            await self._answered(job)

    async def _next(self, lane: ConnectionLane) -> WrittenMail | None:
        """Returns the lane's next mail; None if it cannot be written."""
        if lane.following is not None:
            written, lane.following = lane.following, None
            return written
        job = lane.jobs.popleft()
        if is_risky(job):
            await lane.recorded()  # writing it may end the process
            if not await self._queue.begin(job):
                await self._refused(job, MailRefused(FATAL, is_permanent=True))
                return None
        return await self._written(lane, job)

    async def _write_following(self, lane: ConnectionLane) -> WrittenMail | None:
        """Writes the mail after the one that is sent now; None if there is none, or if writing it is a risk."""
        while lane.jobs and not is_risky(lane.jobs[0]):
            written = await self._written(lane, lane.jobs.popleft())
            if written is not None:
                return written
        return None

    async def _written(self, lane: ConnectionLane, job: MailJob) -> WrittenMail | None:
        """Returns the mail; None if it was given up because it cannot be written."""
        try:
            message = self._composer.compose(job, await read_words(self._renderer, job))
        except Exception as error:
            if is_unreachable(error):
                raise
            log.error("mail.cannot_be_written", delivery_id=str(job.id), template=job.template, exc_info=error)
            await self._refused(job, MailRefused(f"cannot be written: {error!r}", is_permanent=True))
            return None
        sender = self._return_paths.sender_of(job.message_id) if self._return_paths else None
        return WrittenMail(job, lane.connection.mail(message, job.address, sender))

    async def _mark_sent(self, accepted: Sequence[tuple[MailJob, str]]) -> None:
        await self._queue.mark_sent(accepted)
        for template, count in Counter(job.template for job, _ in accepted).items():
            MAILS.labels(template, "sent").inc(count)

    async def _answered(self, job: MailJob) -> None:
        """Notes that the server works: it took a mail, or said why not."""
        self._losses.forget(job.id)
        if self._circuit.is_suspect:
            await self._circuit.note_success()

    async def _refused(self, job: MailJob, refusal: MailRefused) -> None:
        is_over = await self._queue.mark_refused(job, refusal)
        MAILS.labels(job.template, "failed" if is_over else "retried").inc()
        log.warning("mail.refused", delivery_id=str(job.id), template=job.template, is_over=is_over)


def _next_size(count: int, seconds: float) -> int:
    """Returns how many mails to claim after so many took so long."""
    return max(BATCH, min(LARGEST_BATCH, int(count * BATCH_SECONDS / max(seconds, 0.001))))


def _is_away(error: Exception) -> bool:
    return isinstance(error, MailServerAway) or is_unreachable(error)


def _log_pause(error: Exception, _failures: int) -> None:
    log.warning("mail.paused", error=str(error))


def _lanes(jobs: Sequence[MailJob], count: int) -> list[list[MailJob]]:
    """Distributes jobs over `count` connections, those of one ticket on the same one, in order."""
    lanes: list[list[MailJob]] = [[] for _ in range(count)]
    by_ticket = sorted(jobs, key=lambda job: (job.ticket_id, job.id))
    for _, group in groupby(by_ticket, key=lambda job: job.ticket_id):
        min(lanes, key=len).extend(group)
    return lanes
