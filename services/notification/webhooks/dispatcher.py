"""Sends due deliveries: every endpoint has a worker of its own, so that a slow one delays nobody else."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from uuid import UUID

from services.notification.webhooks.attempts import AttemptOutcome, AttemptResult, attempt
from services.notification.webhooks.ledger import Endpoint, WebhookJob, WebhookLedger
from shared.kit.backoff import PATIENT, retry
from shared.kit.bus.consumer import is_away
from shared.kit.http.safe_client import SafeHttpClient
from shared.kit.telemetry import WEBHOOKS, log

SWEEP_SECONDS = 8.0
"""The longest pause between two looks at the ledger."""
IDLE_SECONDS = 1.0
"""The pause after a look at an endpoint that found nothing to send, though something is due."""
SOONEST_SECONDS = 0.2
"""The shortest pause between two looks of which nobody gave notice."""
WIDTH = 4
"""Events under way at once to one endpoint, each about another entity."""
EXPIRED = "the event is not kept any longer"


class WebhookDispatcher:
    """Starts a worker for each endpoint that has something due."""

    def __init__(self, ledger: WebhookLedger, client: SafeHttpClient) -> None:
        self._ledger, self._client = ledger, client
        self._woken = asyncio.Event()
        self._workers: dict[UUID, asyncio.Task[bool]] = {}
        self._news: dict[UUID, asyncio.Event] = {}

    def wake(self) -> None:
        """Has the ledger looked at."""
        self._woken.set()

    async def run(self) -> None:
        """Sends until cancelled; pauses while the database is unreachable."""
        try:
            while True:
                self._woken.clear()
                pause = await retry(self._look, PATIENT, is_away)
                with suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._woken.wait()
        finally:
            workers = list(self._workers.values())
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)

    async def _look(self) -> float:
        """Starts or wakes the workers of endpoints with something due; returns the seconds until more is."""
        due = await self._ledger.due_in()
        for webhook_id in [webhook_id for webhook_id, due_in in due.items() if due_in <= 0]:
            if webhook_id in self._workers:
                self._news[webhook_id].set()
            else:
                self._start(webhook_id)
        return max(SOONEST_SECONDS, min([SWEEP_SECONDS, *(due_in for due_in in due.values() if due_in > 0)]))

    def _start(self, webhook_id: UUID) -> None:
        self._news[webhook_id] = asyncio.Event()
        worker = asyncio.create_task(self._work(webhook_id), name=f"webhook {webhook_id}")
        self._workers[webhook_id] = worker
        worker.add_done_callback(lambda task: self._ended(webhook_id, task))

    def _ended(self, webhook_id: UUID, worker: asyncio.Task[bool]) -> None:
        """Has the ledger looked at again, after a while if the worker found nothing that it may send."""
        del self._workers[webhook_id], self._news[webhook_id]
        has_sent = not worker.cancelled() and worker.exception() is None and worker.result()
        asyncio.get_running_loop().call_later(0 if has_sent else IDLE_SECONDS, self.wake)
        if not worker.cancelled() and (error := worker.exception()) is not None:
            log.warning("webhook.worker_failed", webhook_id=str(webhook_id), error=repr(error))

    async def _work(self, webhook_id: UUID) -> bool:
        """Sends what is due to one endpoint until there is nothing left; returns whether there was anything."""
        sending: dict[asyncio.Task[None], WebhookJob] = {}
        has_sent = False
        try:
            while True:
                self._news[webhook_id].clear()
                for job, endpoint in await self._claim(webhook_id, len(sending)):
                    sending[asyncio.create_task(self._deliver(endpoint, job))] = job
                if not sending:
                    return has_sent
                has_sent = True
                await self._wait(webhook_id, sending)
                for task in [task for task in sending if task.done()]:
                    del sending[task]
                    task.result()
        finally:
            await self._give_back(sending)

    async def _claim(self, webhook_id: UUID, under_way: int) -> list[tuple[WebhookJob, Endpoint]]:
        endpoint = await self._ledger.endpoint(webhook_id)
        if endpoint is None or not endpoint.is_open:
            return []
        free = (1 if endpoint.is_on_trial else WIDTH) - under_way
        return [(job, endpoint) for job in await self._ledger.claim(webhook_id, free)] if free > 0 else []

    async def _wait(self, webhook_id: UUID, sending: Iterable[asyncio.Task[None]]) -> None:
        """Returns when an attempt has ended, or when there is news for the endpoint."""
        news = asyncio.create_task(self._news[webhook_id].wait())
        try:
            await asyncio.wait([news, *sending], return_when=asyncio.FIRST_COMPLETED)
        finally:
            news.cancel()

    async def _deliver(self, endpoint: Endpoint, job: WebhookJob) -> None:
        if job.body is None:
            await self._ledger.drop(job, EXPIRED)
            return
        if endpoint.problem is not None:
            result = AttemptResult(AttemptOutcome.FAILED, error=endpoint.problem)
        else:
            async with self._ledger.keeping(job) as lease:
                if lease.is_over:
                    return
                result = await attempt(self._client, endpoint.url, job.event_id, job.body, endpoint.secrets)
        await self._ledger.settle(job, result, endpoint.failures)
        WEBHOOKS.labels(result.outcome.value).inc()
        if result.outcome is not AttemptOutcome.DELIVERED:
            log.warning("webhook.refused", webhook_id=str(endpoint.id), event_id=job.event_id, status=result.status)

    async def _give_back(self, sending: dict[asyncio.Task[None], WebhookJob]) -> None:
        """Ends the attempts under way and puts their events back; an endpoint may get those again."""
        if not sending:
            return
        for task in sending:
            task.cancel()
        await asyncio.gather(*sending, return_exceptions=True)
        await self._ledger.release(list(sending.values()))
