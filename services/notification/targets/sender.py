"""Posts due messages to chat rooms and on-call services; each target is on its own."""

import asyncio
from collections.abc import Iterable
from functools import partial
from uuid import UUID

from pydantic_core import to_json

from services.notification.delivery.consolidated_text import METRICS
from services.notification.delivery.templates import TemplateName
from services.notification.targets.payloads import TargetKind, TargetMessage, request_of
from services.notification.targets.queue import Place, TargetJob, TargetQueue, TargetRefused
from shared.kit.backoff import PATIENT, retry
from shared.kit.clock import new_id, utc_now
from shared.kit.http.public_addresses import OutgoingRefused
from shared.kit.http.safe_client import FetchedResponse, OutgoingFailed, SafeHttpClient
from shared.kit.outages import is_unreachable
from shared.kit.telemetry import log

SWEEP_SECONDS = 8.0
UNREADABLE = "its URL and key cannot be read any more: enter them again"
AGAIN = frozenset({408, 425, 429})
"""Refusals of a client that are worth another attempt."""
SHOWN = 200
"""Characters of an answer that are kept."""
WORDS = {
    TemplateName.NEW_TICKET: "New ticket",
    TemplateName.REQUESTER_MESSAGE: "The requester wrote",
    TemplateName.TRANSFERRED: "Transferred",
    TemplateName.ESCALATED: "Escalated",
    TemplateName.FOLLOWER_RESOLVED: "Over",
}


class TargetSender:
    """The loop: woken after commits, with a periodic sweep in case a wake-up was lost."""

    def __init__(self, queue: TargetQueue, client: SafeHttpClient, desk_url: str) -> None:
        self._queue, self._client, self._desk = queue, client, desk_url.rstrip("/")
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Wakes the loop."""
        self._woken.set()

    async def run(self) -> None:
        """Sends until cancelled: to each target one message at a time, whatever the others do."""
        sending: dict[asyncio.Task[None], UUID] = {}
        try:
            while True:
                self._woken.clear()
                due_in = await retry(lambda: self._start_due(sending), PATIENT, is_unreachable)
                await self._wait(sending, SWEEP_SECONDS if due_in is None else min(due_in, SWEEP_SECONDS))
        finally:
            for task in sending:
                task.cancel()
            await asyncio.gather(*sending, return_exceptions=True)

    async def _start_due(self, sending: dict[asyncio.Task[None], UUID]) -> float | None:
        """Begins to send what is due; returns the seconds until more is."""
        for task in [task for task in sending if task.done()]:
            del sending[task]
            task.result()
        for job in await self._queue.claim(frozenset(sending.values())):
            sending[asyncio.create_task(self._send(job))] = job.target_id
        return await self._queue.next_due_in()

    async def _wait(self, sending: Iterable[asyncio.Task[None]], seconds: float) -> None:
        """Returns when a message is settled, when there is news, or after a while."""
        news = asyncio.create_task(self._woken.wait())
        try:
            await asyncio.wait([news, *sending], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            news.cancel()

    async def _send(self, job: TargetJob) -> None:
        """Sends one message and records what came of it, however long the database is away."""
        message = message_of(job, self._desk)
        try:
            async with self._queue.keeping(job) as lease:
                if lease.is_over:
                    return
                answer = await post(self._client, job.kind, job.place, message)
        except TargetRefused as refused:
            is_over = await retry(partial(self._queue.mark_refused, job, refused), PATIENT, is_unreachable)
            log.warning("target.refused", delivery_id=str(job.id), kind=job.kind, is_over=is_over)
        else:
            await retry(partial(self._queue.mark_sent, job, answer), PATIENT, is_unreachable)


def message_of(job: TargetJob, desk: str) -> TargetMessage:
    """Returns what a job tells."""
    template = TemplateName(job.template)
    is_over = template is TemplateName.FOLLOWER_RESOLVED
    return TargetMessage(
        delivery_id=str(job.id),
        event="resolved" if is_over else job.template,
        text=_text(template, job.facts),
        number=job.number,
        subject=job.subject,
        priority=str(job.facts.get("priority", "normal")),
        url=f"{desk}/tickets/{job.number}",
        at=job.created_at,
        ticket_id=str(job.ticket_id),
    )


def _text(template: TemplateName, facts: dict[str, object]) -> str:
    metric = METRICS.get(str(facts.get("metric")), "SLA")
    if template is TemplateName.SLA_WARNED:
        return f"{metric} {facts.get('percent')} % used"
    if template is TemplateName.SLA_BREACHED:
        return f"{metric} overdue"
    return WORDS.get(template, template.value)


async def post(client: SafeHttpClient, kind: TargetKind, place: Place | None, message: TargetMessage) -> str:
    """Posts a message to a URL with its secret; returns the answer in short. Raises TargetRefused."""
    if place is None:
        raise TargetRefused(UNREADABLE, is_permanent=False)
    request = request_of(kind, *place, message)
    headers = {"Content-Type": "application/json", "Idempotency-Key": message.delivery_id, **request.headers}
    try:
        answer = await client.post(request.url, to_json(request.body), headers)
    except OutgoingRefused as error:
        raise TargetRefused(str(error), is_permanent=True) from error
    except OutgoingFailed as error:
        raise TargetRefused(str(error), is_permanent=False) from error
    told = _short(answer)
    if 200 <= answer.status < 300:
        return told
    is_permanent = answer.status < 500 and answer.status not in AGAIN
    raise TargetRefused(told, is_permanent=is_permanent)


def _short(answer: FetchedResponse) -> str:
    body = " ".join(answer.body[: SHOWN * 4].decode(errors="replace").split())
    shown = "".join(char if char.isprintable() else " " for char in body)[:SHOWN]
    return f"HTTP {answer.status} {shown}".strip()


async def send_test(client: SafeHttpClient, kind: TargetKind, place: Place | None, desk: str) -> str:
    """Posts a test message to a target at once; returns the answer in short. Raises TargetRefused."""
    message = TargetMessage(
        delivery_id=str(new_id()),
        event="test",
        text="A test from Everdesk",
        number="0",
        subject="nothing needs to be done",
        priority="low",
        url=desk,
        at=utc_now(),
        ticket_id="test",
    )
    return await post(client, kind, place, message)
