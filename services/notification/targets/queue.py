"""The ledger as a work queue for targets: claims, outcomes, and the circuit breaker of each target."""

import time
from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Interval, String, all_, bindparam, cast, func, literal, or_, select, update
from sqlalchemy.orm import aliased
from sqlalchemy.sql.dml import ReturningUpdate

from services.notification.delivery.channels import DeliveryChannel
from services.notification.delivery.queue import renew_claims
from services.notification.delivery.status import DeliveryStatus
from services.notification.models import IS_DUE, IS_FOR_TARGET, Delivery, NotificationTarget, Ticket
from services.notification.recipients.held_mails import LONG
from services.notification.targets.alerts import OVER, RECIPIENT, recipient_of
from services.notification.targets.payloads import TargetKind
from services.notification.targets.retirement import SWITCHED_OFF
from services.notification.targets.secrets import TargetSecrets, TargetUnreadable
from shared.kit.backoff import Backoff
from shared.kit.clock import utc_now
from shared.kit.db import Database, Session
from shared.kit.leases import HeldLease, kept_lease

NEXT_DUE = select(func.extract("epoch", func.min(Delivery.next_attempt_at) - func.now())).where(
    IS_DUE, IS_FOR_TARGET, Delivery.next_attempt_at > func.now()
)
"""Built once: it is asked after each batch of events."""
BATCH = 20
LEASE = timedelta(seconds=9)
"""How long after a crash others take a message over; a sender that lives renews it."""
RETRIES = Backoff((2, 10, 60, 300, 1800, 7200, 21_600, 86_400))
"""Pauses after failed attempts: seconds at first, a day at the end."""
Place = tuple[str, str | None]
"""A URL and its key."""
ENDED = "the end of its alert was told since"
ELSEWHERE = "the ticket is with another team now"
GIVE_UP_AFTER = timedelta(days=3)
OPENS_AFTER = 5
"""Failures in a row after which the circuit of a target opens."""
PAUSES = Backoff((30, 60, 300, 900, 3600))
"""How long an open circuit stays open, after more and more failures."""


class TargetRefused(Exception):
    """A target did not take a message; `is_permanent` if another attempt is of no use."""

    def __init__(self, reason: str, *, is_permanent: bool) -> None:
        super().__init__(reason)
        self.reason, self.is_permanent = reason, is_permanent


@dataclass(frozen=True, slots=True)
class TargetJob:
    """One message to a target, with what it is made from."""

    id: UUID
    target_id: UUID
    kind: TargetKind
    place: Place | None
    template: str
    ticket_id: UUID
    number: str
    subject: str
    facts: dict[str, Any]
    attempts: int
    created_at: datetime
    claimed_at: float = field(default_factory=time.monotonic)


class TargetQueue:
    """Claims are leases: any number of senders share the ledger, and a crashed sender's claims expire."""

    def __init__(self, database: Database, secrets: TargetSecrets) -> None:
        self._database, self._secrets = database, secrets

    async def claim(self, busy: Collection[UUID] = ()) -> list[TargetJob]:
        """Claims due messages, oldest first, at most one for each target, and none for those that are busy."""
        keys = [recipient_of(one) for one in busy]
        async with self._database.begin() as session:
            rows = (await session.scalars(_claim(), {"busy": keys, "lease": LEASE})).all()
            if not rows:
                return []
            ids = {UUID(row.recipient.removeprefix(RECIPIENT)) for row in rows}
            found = await session.scalars(select(NotificationTarget).where(NotificationTarget.id.in_(ids)))
            targets = {one.id: one for one in found}
            tickets = {
                one.id: one
                for one in await session.scalars(select(Ticket).where(Ticket.id.in_([row.ticket_id for row in rows])))
            }
            claimed = [
                (row, targets[UUID(row.recipient.removeprefix(RECIPIENT))], tickets[row.ticket_id]) for row in rows
            ]
            over = await _ended_since(session, rows)
            return [self._job(*one) for one in claimed if not _is_dropped(*one, is_over=one[0].id in over)]

    def keeping(self, job: TargetJob) -> AbstractAsyncContextManager[HeldLease]:
        """Renews the lease of a claimed message for as long as the block runs."""
        return kept_lease(LEASE, partial(renew_claims, self._database, [job.id], LEASE), job.claimed_at)

    async def mark_sent(self, job: TargetJob, answer: str) -> None:
        """Records what the target answered, and closes its circuit."""
        async with self._database.begin() as session:
            await session.execute(
                update(Delivery)
                .where(Delivery.id == job.id)
                .values(
                    status=DeliveryStatus.SENT,
                    attempts=Delivery.attempts + 1,
                    sent_at=utc_now(),
                    next_attempt_at=None,
                    last_error=None,
                    answer=answer[:500],
                    facts={},
                )
            )
            closed = update(NotificationTarget).where(
                NotificationTarget.id == job.target_id, NotificationTarget.failures > 0
            )
            await session.execute(closed.values(failures=0, paused_until=None))

    async def mark_refused(self, job: TargetJob, refused: TargetRefused) -> bool:
        """Schedules the next attempt, or marks the message as failed: True. Opens the circuit after many failures.

        What others have settled meanwhile stays as it is.
        """
        now, attempts = utc_now(), job.attempts + 1
        is_over = refused.is_permanent or now - job.created_at > GIVE_UP_AFTER
        async with self._database.begin() as session:
            settled = await session.scalar(
                update(Delivery)
                .where(
                    Delivery.id == job.id,
                    Delivery.status == DeliveryStatus.SENDING,
                    Delivery.attempts == job.attempts,
                )
                .values(
                    status=DeliveryStatus.FAILED if is_over else DeliveryStatus.QUEUED,
                    attempts=attempts,
                    next_attempt_at=None if is_over else now + RETRIES.delay_after(attempts),
                    last_error=refused.reason[:1000],
                )
                .returning(Delivery.id)
            )
            if settled is None:
                return False
            counted = (
                update(NotificationTarget)
                .where(NotificationTarget.id == job.target_id)
                .values(failures=NotificationTarget.failures + 1)
                .returning(NotificationTarget.failures)
            )
            failures = await session.scalar(counted) or 0
            if failures >= OPENS_AFTER:
                until = now + PAUSES.delay_after(failures - OPENS_AFTER + 1)
                paused = update(NotificationTarget).where(NotificationTarget.id == job.target_id)
                await session.execute(paused.values(paused_until=until))
        return is_over

    async def next_due_in(self) -> float | None:
        """Returns the seconds until a message becomes due; None if there is none."""
        [[found]] = await self._database.fetch(NEXT_DUE)
        return None if found is None else float(found)

    def _job(self, delivery: Delivery, target: NotificationTarget, ticket: Ticket) -> TargetJob:
        return TargetJob(
            id=delivery.id,
            target_id=target.id,
            kind=TargetKind(target.kind),
            place=place_of(target, self._secrets),
            template=delivery.template,
            ticket_id=delivery.ticket_id,
            number=ticket.number or "",
            subject=ticket.subject or "",
            facts=delivery.facts,
            attempts=delivery.attempts,
            created_at=delivery.created_at,
        )


async def _ended_since(session: Session, claimed: Sequence[Delivery]) -> set[UUID]:
    """Returns those of the claimed messages after which the end of their alert was told: somebody sends them again."""
    alerts = [row.id for row in claimed if row.channel == DeliveryChannel.ON_CALL and row.template != OVER]
    if not alerts:
        return set()
    end = aliased(Delivery)
    is_told = select(end.id).where(
        end.channel == DeliveryChannel.ON_CALL,
        end.recipient == Delivery.recipient,
        end.ticket_id == Delivery.ticket_id,
        end.id > Delivery.id,
        end.template == OVER,
        end.status == DeliveryStatus.SENT,
    )
    return set(await session.scalars(select(Delivery.id).where(Delivery.id.in_(alerts), is_told.exists())))


def _is_dropped(delivery: Delivery, target: NotificationTarget, ticket: Ticket, *, is_over: bool) -> bool:
    """Drops what nobody is to be told any more."""
    reason = ENDED if is_over else _why_dropped(delivery, target, ticket)
    if reason is None:
        return False
    delivery.status, delivery.next_attempt_at = DeliveryStatus.DROPPED.value, None
    delivery.last_error, delivery.facts = reason, {}
    return True


def _why_dropped(delivery: Delivery, target: NotificationTarget, ticket: Ticket) -> str | None:
    """Returns why a target is not told, None if it is.

    It is switched off, or was to be told long ago of a ticket that is not its team's any more. The end of an alert is
    told in any case.
    """
    if delivery.template == OVER:
        return None
    if not target.is_active:
        return SWITCHED_OFF
    is_old = delivery.created_at < utc_now() - LONG
    is_gone = target.team_id is not None and ticket.team_id != target.team_id
    return ELSEWHERE if is_old and is_gone else None


def place_of(target: NotificationTarget, secrets: TargetSecrets) -> Place | None:
    """Returns the URL of a target and its key; None if they cannot be read any more."""
    try:
        url = secrets.decrypt(target.id, target.url)
        return url, None if target.secret is None else secrets.decrypt(target.id, target.secret)
    except TargetUnreadable:
        return None


@cache
def _claim() -> ReturningUpdate[Delivery]:
    """Marks the oldest due message of each target that answers. Starts from the index of what is due.

    Of the messages about one ticket only the first that is not settled is claimed, so that the end of an alert never
    overtakes the alert.
    """
    earlier = aliased(Delivery)
    is_first = ~(
        select(earlier.id)
        .where(
            earlier.ticket_id == Delivery.ticket_id,
            earlier.id < Delivery.id,
            earlier.recipient == Delivery.recipient,
            earlier.status.in_([DeliveryStatus.QUEUED, DeliveryStatus.SENDING]),
        )
        .exists()
    )
    target_key = literal(RECIPIENT) + cast(NotificationTarget.id, String)
    first = (
        select(Delivery.id)
        .distinct(Delivery.recipient)
        .join(NotificationTarget, target_key == Delivery.recipient)
        .join(Ticket, Ticket.id == Delivery.ticket_id)
        .where(
            IS_DUE,
            IS_FOR_TARGET,
            Delivery.next_attempt_at <= func.now(),
            or_(NotificationTarget.paused_until.is_(None), NotificationTarget.paused_until <= func.now()),
            Ticket.number.is_not(None),
            Delivery.recipient != all_(bindparam("busy", type_=ARRAY(String()))),
            is_first,
        )
        .order_by(Delivery.recipient, Delivery.id)
        .limit(BATCH)
        .cte("first")
        .prefix_with("MATERIALIZED")
    )
    due = (
        select(Delivery.id)
        .where(Delivery.id.in_(select(first.c.id)), IS_DUE, Delivery.next_attempt_at <= func.now())
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    return (
        update(Delivery)
        .where(Delivery.id.in_(select(due.c.id)))
        .values(
            status=DeliveryStatus.SENDING, next_attempt_at=func.now() + bindparam("lease", type_=Interval(native=True))
        )
        .returning(Delivery)
        .execution_options(synchronize_session=False)
    )
