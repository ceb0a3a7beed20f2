"""The ledger of webhook deliveries: claiming what is due, and recording what came of it.

Of the events about one entity only the first that is not settled is claimed, so that a later one never overtakes it,
and none while another is under way, as an earlier one that is replayed would be. A claim has an end: after a crash
others send the event again, under the same id.
"""

import time
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import uniform
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Integer, Uuid

from services.notification.webhooks.attempts import MOST_ATTEMPTS, RETRIES, AttemptOutcome, AttemptResult
from services.notification.webhooks.signing import SecretUnreadable, WebhookSecrets
from shared.kit.administrator_passes import Administrator
from shared.kit.backoff import Backoff
from shared.kit.clock import utc_now
from shared.kit.configuration_changes import record_change
from shared.kit.db import Database, Session
from shared.kit.leases import HeldLease, kept_lease

LEASE = timedelta(seconds=9)
"""How long after a crash others take an attempt over; a sender that lives renews it."""
OPENS_AFTER = 5
"""Failures in a row, of whichever events, after which an endpoint is left alone for a while."""
CIRCUIT = Backoff((10, 30, 60, 120, 300, 600))
"""Seconds for which it is left alone; then one event is tried."""
JITTER = 0.1
GONE_REASON = "it answered 410 Gone"
EVERDESK = Administrator("", "Everdesk", "")
UNSETTLED = "status in ('queued', 'sending')"

DUE = text(f"""
select webhooks.id, extract(epoch from greatest(due.at, coalesce(webhooks.open_until, due.at)) - now())::float as due_in
from webhooks join lateral (
  select min(next_attempt_at) as at from webhook_deliveries
  where webhook_id = webhooks.id and {UNSETTLED}
) as due on due.at is not null
where webhooks.state = 'active'
""")  # noqa: S608 - constants

ENDPOINT = text("""
select id, url, secret, case when previous_until > now() then previous_secret end as previous_secret, failures,
  array(
    select decode(one ->> 'secret', 'hex') from jsonb_array_elements(older_secrets) as one
    where cast(one ->> 'until' as timestamptz) > now()
  ) as older_secrets,
  state = 'active' and coalesce(open_until <= now(), true) as is_open
from webhooks where id = :webhook
""")

CLAIM = text(f"""
with chosen as (
  select id from webhook_deliveries as due
  where webhook_id = :webhook and {UNSETTLED} and next_attempt_at <= now() and not exists (
    select from webhook_deliveries as other
    where other.webhook_id = due.webhook_id and other.entity_id = due.entity_id and other.{UNSETTLED}
    and (other.position < due.position
      or other.position > due.position and other.status = 'sending' and other.next_attempt_at > now())
  )
  order by next_attempt_at, position limit :most for update skip locked
)
update webhook_deliveries as one
set status = 'sending', attempts = attempts + 1, next_attempt_at = now() + cast(:lease as interval)
from chosen where one.id = chosen.id
returning one.id, one.event_id, one.position, one.entity_id, one.attempts,
  (select envelope from feed_events where feed_events.event_id = one.event_id) as envelope
""")  # noqa: S608 - constants

SETTLE = text("""
update webhook_deliveries set status = cast(:status as text), next_attempt_at = :next, answer_status = :answer_status,
  answer = :answer, last_error = :error, duration_ms = :duration,
  delivered_at = case when cast(:status as text) = 'delivered' then now() end
where id = :id and attempts = :attempts
and (status = 'sending' or status = 'dropped' and cast(:status as text) = 'delivered') returning id
""")
"""What an endpoint accepted while it was being disabled is told as delivered, and not sent again."""

FOLLOW = text("""
update webhook_deliveries set next_attempt_at = coalesce(cast(:next as timestamptz), now())
where webhook_id = :webhook and entity_id = :entity and position > :position and status = 'queued'
and (next_attempt_at > now() or cast(:next as timestamptz) is not null)
""")
"""What stands behind an event waits as long as it does, and no longer."""

STRAIGHTEN = text("""
update webhook_deliveries as late set next_attempt_at = head.next_attempt_at
from webhook_deliveries as head
where late.webhook_id = :webhook and late.status = 'queued' and late.next_attempt_at <= now()
and head.webhook_id = late.webhook_id and head.entity_id = late.entity_id and head.position < late.position
and head.status = 'queued' and head.next_attempt_at > now()
""")
"""What came to stand behind a waiting event while that was being settled is not looked at again and again."""

SUCCEEDED = text("""
update webhooks set failures = 0, open_until = null, last_success_at = now()
where id = :webhook and (failures > 0 or last_success_at is null or last_success_at < now() - interval '10 seconds')
""")
HURRY = text("""
update webhook_deliveries set next_attempt_at = now()
where webhook_id = :webhook and status = 'queued' and next_attempt_at > now()
""")
"""An endpoint that was away and is back gets at once what it missed."""
FAILED = text("""
update webhooks set failures = failures + 1, last_failure_at = now(),
  open_until = case when failures + 1 >= :opens_after then now() + cast(:pause as interval) else open_until end
where id = :webhook
""")
DISABLE = text("""
update webhooks set state = 'disabled', state_reason = :reason, version = version + 1, updated_at = now()
where id = :webhook and state <> 'disabled' returning name
""")
DROP = text(f"""
update webhook_deliveries set status = 'dropped', next_attempt_at = null, last_error = :reason
where webhook_id = :webhook and {UNSETTLED}
""")  # noqa: S608 - constants
RENEW = text("""
update webhook_deliveries set next_attempt_at = now() + cast(:lease as interval)
where id = :id and status = 'sending' and attempts = :attempts
""")
RELEASE = text("""
update webhook_deliveries as one set status = 'queued', attempts = one.attempts - 1, next_attempt_at = now()
from unnest(cast(:ids as uuid[]), cast(:attempts as integer[])) as mine (id, attempts)
where one.id = mine.id and one.attempts = mine.attempts and one.status = 'sending'
""").bindparams(bindparam("ids", type_=ARRAY(Uuid())), bindparam("attempts", type_=ARRAY(Integer())))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to send, and what to sign with."""

    id: UUID
    url: str
    secrets: Sequence[bytes]
    failures: int
    is_open: bool
    """Whether it may be sent something now."""
    problem: str | None = None
    """Why nothing can be signed for it."""

    @property
    def is_on_trial(self) -> bool:
        """Whether it has failed so often that one event is tried first."""
        return self.failures >= OPENS_AFTER


@dataclass(frozen=True, slots=True)
class WebhookJob:
    """One claimed delivery."""

    id: UUID
    webhook_id: UUID
    event_id: str
    entity_id: UUID
    position: int
    attempts: int
    body: bytes | None
    """The envelope; None if the feed does not keep it any longer."""
    claimed_at: float = field(default_factory=time.monotonic)
    """By the clock of this process, which goes on while it is stopped."""


class WebhookLedger:
    """Claims and settles deliveries."""

    def __init__(self, database: Database, secrets: WebhookSecrets) -> None:
        self._database, self._secrets = database, secrets

    async def due_in(self) -> dict[UUID, float]:
        """Returns for each endpoint that has something to get the seconds until then."""
        async with self._database.single() as connection:
            return {row.id: row.due_in for row in await connection.execute(DUE)}

    async def endpoint(self, webhook_id: UUID) -> Endpoint | None:
        """Returns an endpoint, or None if it was removed."""
        async with self._database.single() as connection:
            row = (await connection.execute(ENDPOINT, {"webhook": webhook_id})).one_or_none()
        if row is None:
            return None
        try:
            stored = [one for one in (row.secret, row.previous_secret, *row.older_secrets) if one is not None]
            secrets, problem = [self._secrets.decrypt(row.id, one) for one in stored], None
        except SecretUnreadable as error:
            secrets, problem = [], str(error)
        return Endpoint(row.id, row.url, secrets, row.failures, row.is_open, problem)

    async def claim(self, webhook_id: UUID, most: int) -> list[WebhookJob]:
        """Claims what is due for an endpoint, in the order in which it became due."""
        async with self._database.single() as connection:
            found = await connection.execute(CLAIM, {"webhook": webhook_id, "most": most, "lease": LEASE})
            jobs = [_job(webhook_id, row) for row in found]
            if not jobs:
                await connection.execute(STRAIGHTEN, {"webhook": webhook_id})
        return sorted(jobs, key=lambda job: job.position)

    def keeping(self, job: WebhookJob) -> AbstractAsyncContextManager[HeldLease]:
        """Renews the lease of a claimed delivery for as long as the block runs."""
        return kept_lease(LEASE, lambda: self._renew(job), job.claimed_at)

    async def _renew(self, job: WebhookJob) -> None:
        async with self._database.single() as connection:
            await connection.execute(RENEW, {"id": job.id, "attempts": job.attempts, "lease": LEASE})

    async def release(self, jobs: Sequence[WebhookJob]) -> None:
        """Puts claimed deliveries back, to be sent at once by whoever runs next; not those that others took over."""
        mine = {"ids": [job.id for job in jobs], "attempts": [job.attempts for job in jobs]}
        async with self._database.single() as connection:
            await connection.execute(RELEASE, mine)

    async def settle(self, job: WebhookJob, result: AttemptResult, failures: int) -> None:
        """Records what came of an attempt; `failures` is how many the endpoint had in a row before it.

        What others took over meanwhile is theirs to settle: then nothing changes.
        """
        async with self._database.begin() as session:
            status, next_at = _decide(job, result)
            values = {"id": job.id, "status": status, "next": next_at, "attempts": job.attempts}
            values |= {"answer_status": result.status, "answer": result.answer, "error": result.error}
            settled = await session.execute(SETTLE, values | {"duration": result.duration_ms})
            if settled.scalar() is None:
                return
            following = {"webhook": job.webhook_id, "entity": job.entity_id, "position": job.position}
            await session.execute(FOLLOW, following | {"next": next_at})
            if result.outcome is AttemptOutcome.DELIVERED:
                await session.execute(SUCCEEDED, {"webhook": job.webhook_id})
                if failures >= OPENS_AFTER:
                    await session.execute(HURRY, {"webhook": job.webhook_id})
                return
            pause = CIRCUIT.delay_after(max(1, failures + 2 - OPENS_AFTER))
            await session.execute(FAILED, {"webhook": job.webhook_id, "opens_after": OPENS_AFTER, "pause": pause})
            if result.outcome is AttemptOutcome.GONE:
                await disable(session, job.webhook_id, GONE_REASON)

    async def drop(self, job: WebhookJob, reason: str) -> None:
        """Records that an event cannot be sent any more."""
        async with self._database.begin() as session:
            values = {"id": job.id, "status": "dropped", "next": None, "attempts": job.attempts, "error": reason}
            await session.execute(SETTLE, values | {"answer_status": None, "answer": None, "duration": None})


async def disable(session: Session, webhook_id: UUID, reason: str) -> None:
    """Disables an endpoint for good and drops what waits for it, with an entry in the audit log."""
    name = await session.scalar(DISABLE, {"webhook": webhook_id, "reason": reason})
    await session.execute(DROP, {"webhook": webhook_id, "reason": reason})
    if name is not None:
        subject = ("webhook", str(webhook_id), name)
        await record_change(session, EVERDESK, subject, {"condition": "active"}, {"condition": f"disabled: {reason}"})


def _job(webhook_id: UUID, row: Any) -> WebhookJob:
    body = row.envelope.encode() if row.envelope is not None else None
    return WebhookJob(row.id, webhook_id, row.event_id, row.entity_id, row.position, row.attempts, body)


def _decide(job: WebhookJob, result: AttemptResult) -> tuple[str, datetime | None]:
    """Returns the status after an attempt and, if there is to be another one, when."""
    if result.outcome is AttemptOutcome.DELIVERED:
        return "delivered", None
    if result.outcome is AttemptOutcome.GONE or job.attempts >= MOST_ATTEMPTS:
        return "failed", None
    pause = RETRIES.after(job.attempts) * uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - spreads load, guards nothing
    return "queued", utc_now() + max(timedelta(seconds=pause), result.retry_after or timedelta())
