"""The ledger as a work queue: claims due mails and records the outcome."""

import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any, cast
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CTE,
    Integer,
    Interval,
    ScalarSelect,
    String,
    Table,
    Update,
    Uuid,
    any_,
    bindparam,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy import cast as cast_sql
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import aliased
from sqlalchemy.sql.dml import ReturningUpdate

from services.notification.delivery.bundles import BundleLine, lines_of, take_bundles
from services.notification.delivery.channels import COPIES, DeliveryChannel
from services.notification.delivery.claimed_mail import ClaimedMail
from services.notification.delivery.consolidation import is_worst, take_lesser
from services.notification.delivery.mail_circuit import MailCircuit
from services.notification.delivery.status import DeliveryStatus
from services.notification.delivery.templates import TemplateName
from services.notification.errors import MailRefused
from services.notification.models import IS_DUE, Agent, Delivery, Ticket
from services.notification.recipient_addresses import is_unknown_mailbox, mark_bounced
from shared.contracts.base import TicketId
from shared.contracts.events import Envelope, NotificationFailed, NotificationSent
from shared.kit import outbox
from shared.kit.addresses import blank_address
from shared.kit.backoff import MAIL_OUT
from shared.kit.clock import utc_now
from shared.kit.db import Database, Session, lock_in_order
from shared.kit.leases import HeldLease, kept_lease

BATCH = 40
FATAL_TWICE = 2
GIVE_UP_AFTER = timedelta(days=5)
"""How long a server may say "later" about one mail."""
MAIL = DeliveryChannel.MAIL.value
JUST_DUE = timedelta(seconds=1)
NEXT_DUE = select(func.extract("epoch", func.min(Delivery.next_attempt_at) - func.now())).where(
    IS_DUE, Delivery.channel == MAIL, Delivery.next_attempt_at > func.now() - JUST_DUE
)
"""With what became due since it was last looked for, which would else wait for the next sweep."""
SOONEST_SECONDS = 0.1
DELIVERIES = cast(Table, Delivery.__table__)
IN_ORDER = text(
    "select set_config('enable_sort', :is_chosen, true), set_config('enable_bitmapscan', :is_chosen, true)"
).bindparams(bindparam("is_chosen", type_=String()))
"""Has PostgreSQL read due mails in the order of their index, and stop at the last that is claimed.

Of a queue that has just grown it knows no numbers: it takes it for short, and would read and sort all of it each time.
"""


def _mark_sent() -> Update:
    theirs = DELIVERIES.c.id == any_(bindparam("sent_ids", type_=ARRAY(Uuid())))
    locked = select(DELIVERIES.c.id).where(theirs).order_by(DELIVERIES.c.id).with_for_update().cte("locked")
    return (
        update(DELIVERIES)
        .where(DELIVERIES.c.id.in_(select(locked.c.id)))
        .values(
            status=DeliveryStatus.SENT.value,
            attempts=DELIVERIES.c.attempts + 1,
            sent_at=bindparam("accepted_at"),
            next_attempt_at=None,
            last_error=None,
            answer=bindparam("answers", type_=JSONB())[cast_sql(DELIVERIES.c.id, String)].astext,
            facts={},
            begun=0,
        )
    )


MARK_SENT = _mark_sent()
"""Built once: it runs for every few mails. Locked in the order of their ids, as whoever locks several does."""
STORE_FACTS = update(DELIVERIES).where(DELIVERIES.c.id == bindparam("mail_id")).values(facts=bindparam("told"))
LEDGER_COLUMNS = [DELIVERIES.c[one.name] for one in fields(ClaimedMail) if one.name in DELIVERIES.c]


@dataclass(frozen=True, slots=True)
class MailThread:
    """Message-IDs of earlier mails of the conversation, for threading."""

    root: str | None = None
    """What opened the ticket."""
    theirs: str | None = None
    """The requester's newest."""
    ours: str | None = None
    """Ours before this one, to the same person."""


@dataclass(frozen=True, slots=True)
class RecipientLanguage:
    """The stored languages of those a mail can be for; None where it is not known."""

    requester: str | None = None
    """The ticket's, else the one of their newest ticket that has one."""
    agent: str | None = None


@dataclass(frozen=True, slots=True)
class MailJob:
    """One mail to send, with the data it is composed from."""

    id: UUID
    cause: str
    template: TemplateName
    ticket_id: TicketId
    number: str
    subject: str
    address: str
    name: str
    facts: dict[str, Any]
    message_id: str
    attempts: int
    created_at: datetime
    thread: MailThread = MailThread()
    language: RecipientLanguage = RecipientLanguage()
    is_copy: bool = False
    """For somebody in copy of the ticket."""
    claimed_at: float = field(default_factory=time.monotonic)


DropUnseen = Callable[[Session, Sequence[ClaimedMail]], Awaitable[set[UUID]]]
"""Drops those of some claimed mails whose readers lost sight of the ticket, and returns their ids."""


class DeliveryQueue:
    """Claims are leases: any number of senders share the ledger, and a crashed sender's claims expire."""

    def __init__(self, database: Database, lease: timedelta, drop_unseen: DropUnseen) -> None:
        self._database = database
        self._lease = lease
        self._drop_unseen = drop_unseen
        self.circuit = MailCircuit(database)

    async def claim(self, most: int = BATCH) -> list[MailJob]:
        """Claims due mails, oldest first; they are marked `sending` until the lease ends."""
        async with self._database.begin() as session:
            if most > BATCH:
                await session.execute(IN_ORDER, {"is_chosen": "off"})
            connection = await session.connection()
            rows = await connection.execute(_claim(), {"lease": self._lease, "most": most})
            claimed = [ClaimedMail(*row) for row in rows]
            if most > BATCH:
                await session.execute(IN_ORDER, {"is_chosen": "on"})
            unseen = await self._drop_unseen(session, claimed)
            seen = sorted((mail for mail in claimed if mail.id not in unseen), key=lambda mail: mail.id)
            await take_lesser(session, seen)
            alone = await take_bundles(session, seen)
            sent = [mail for mail in seen if mail.id in alone]
            if told := [{"mail_id": mail.id, "told": mail.facts} for mail in sent if mail.has_new_facts]:
                await connection.execute(STORE_FACTS, told)
            lines = await lines_of(session, sent)
            return [_job(mail, lines.get(mail.id, [])) for mail in sent]

    async def next_due_in(self) -> float | None:
        """Returns the seconds until a mail becomes due or a lease expires; None if there is none."""
        [[found]] = await self._database.fetch(NEXT_DUE)
        return None if found is None else max(float(found), SOONEST_SECONDS)

    def keeping(self, jobs: Sequence[MailJob]) -> AbstractAsyncContextManager[HeldLease]:
        """Renews the leases for as long as the block runs."""
        renew = partial(renew_claims, self._database, [job.id for job in jobs], self._lease)
        return kept_lease(self._lease, renew, min(job.claimed_at for job in jobs))

    async def release(self, jobs: Sequence[MailJob], reason: str) -> None:
        """Returns mails to the queue without counting an attempt."""
        ours = (Delivery.id.in_([job.id for job in jobs]), Delivery.status == DeliveryStatus.SENDING)
        async with self._database.begin() as session:
            locked = await lock_in_order(session, Delivery.id, *ours)
            await session.execute(
                update(Delivery)
                .where(Delivery.id.in_(locked))
                .values(status=DeliveryStatus.QUEUED, next_attempt_at=func.now(), last_error=reason, begun=0)
            )

    async def begin(self, job: MailJob) -> bool:
        """Counts an attempt before a foreign body is rendered; False if rendering it killed the sender twice before.

        Any recorded outcome resets the count; only a crash leaves it.
        """
        counted = update(Delivery).where(Delivery.id == job.id).values(begun=Delivery.begun + 1)
        async with self._database.begin() as session:
            return (await session.scalar(counted.returning(Delivery.begun)) or 0) <= FATAL_TWICE

    async def mark_sent(self, accepted: Sequence[tuple[MailJob, str]]) -> None:
        """Records the acceptance of mails with the server's answers, publishes it, and deletes their texts."""
        at, jobs = utc_now(), [job for job, _ in accepted]
        answers = {str(job.id): without_address(answer, job.address) for job, answer in accepted}
        given = {"sent_ids": [job.id for job in jobs], "accepted_at": at, "answers": answers}
        if not self._database.announces_to_outsiders:
            await self._database.fetch(MARK_SENT, given)
            return
        async with self._database.begin() as session:
            connection = await session.connection()
            await connection.execute(MARK_SENT, given)
            await outbox.add_all(session, [_sent(job, at) for job in jobs])

    async def mark_refused(self, job: MailJob, refusal: MailRefused) -> bool:
        """Schedules the next attempt, or marks the mail failed and publishes that; True if failed.

        A mail that others have settled meanwhile stays as it is.
        """
        at, attempts = utc_now(), job.attempts + 1
        is_over = refusal.is_permanent or at - job.created_at > GIVE_UP_AFTER
        next_attempt_at = None if is_over else at + MAIL_OUT.delay_after(attempts)
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
                    next_attempt_at=next_attempt_at,
                    last_error=refusal.reason[:1000],
                    begun=0,
                )
                .returning(Delivery.id)
            )
            if settled is None:
                return False
            if is_unknown_mailbox(refusal.reason):
                await mark_bounced(session, job.address, without_address(refusal.reason, job.address), at)
            if is_over:
                await outbox.add(session, _failed(job, refusal, at), f"{job.id}:failed:{attempts}", at)
        return is_over


async def renew_claims(database: Database, ids: Sequence[UUID], lease: timedelta) -> None:
    """Renews the leases of claimed deliveries, of whichever channel."""
    async with database.begin() as session:
        ours = (Delivery.id.in_(ids), Delivery.status == DeliveryStatus.SENDING)
        locked = await lock_in_order(session, Delivery.id, *ours, skip_locked=True)
        renewed = update(Delivery).where(Delivery.id.in_(locked))
        await session.execute(renewed.values(next_attempt_at=func.now() + lease))


def _sent(job: MailJob, at: datetime) -> Envelope:
    event = NotificationSent(
        delivery_id=job.id,
        ticket_id=job.ticket_id,
        cause=job.cause,
        template=job.template,
        message_id=job.message_id,
        sent_at=at,
    )
    return event.envelope(f"{job.id}:sent", at)


def _failed(job: MailJob, refusal: MailRefused, at: datetime) -> NotificationFailed:
    return NotificationFailed(
        delivery_id=job.id,
        ticket_id=job.ticket_id,
        cause=job.cause,
        template=job.template,
        reason=without_address(refusal.reason, job.address),
        failed_at=at,
    )


def without_address(reason: str, address: str) -> str:
    """Returns a server's answer without the address; events must not contain it."""
    return blank_address(reason, address)[:500]


@cache
def _claim() -> ReturningUpdate[*tuple[Any, ...]]:
    """Marks due mails and returns them with their ticket data, in one statement."""
    due = (
        select(Delivery.id)
        .where(IS_DUE, Delivery.channel == MAIL, Delivery.next_attempt_at <= func.now(), is_worst())
        .order_by(Delivery.next_attempt_at, Delivery.id)
        .limit(bindparam("most", type_=Integer()))
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    return (
        update(DELIVERIES)
        .where(DELIVERIES.c.id.in_(select(due.c.id)), Ticket.id == DELIVERIES.c.ticket_id)
        .values(
            status=DeliveryStatus.SENDING.value,
            next_attempt_at=func.now() + bindparam("lease", type_=Interval(native=True)),
        )
        .returning(
            *LEDGER_COLUMNS,
            Ticket.number,
            Ticket.subject,
            Ticket.root_mail_id,
            Ticket.last_mail_id,
            _sent_before(due).label("ours"),
            Ticket.requester_language,
            _language_before().label("earlier_language"),
            _language_of_agent().label("agent_language"),
        )
    )


def _language_before() -> ScalarSelect[str | None]:
    """Selects the language of the requester's newest ticket that has one, for a ticket without one."""
    earlier = aliased(Ticket)
    return (
        select(earlier.requester_language)
        .where(
            Ticket.requester_language.is_(None),
            func.lower(earlier.requester_email) == func.lower(Ticket.requester_email),
            earlier.requester_language.is_not(None),
        )
        .order_by(earlier.submitted_at.desc())
        .limit(1)
        .correlate(Ticket)
        .scalar_subquery()
    )


def _language_of_agent() -> ScalarSelect[str | None]:
    return select(Agent.language).where(Agent.id == Delivery.agent_id).correlate(Delivery).scalar_subquery()


def _sent_before(due: CTE) -> ScalarSelect[str]:
    """Selects the Message-ID of the previous mail about the same ticket to the same person."""
    earlier = aliased(Delivery)
    is_before = earlier.status.in_([DeliveryStatus.SENDING, DeliveryStatus.SENT])
    return (
        select(earlier.message_id)
        .where(
            earlier.ticket_id == Delivery.ticket_id,
            earlier.recipient == Delivery.recipient,
            earlier.channel == MAIL,
            or_(is_before, earlier.id.in_(select(due.c.id))),
            earlier.id < Delivery.id,
        )
        .order_by(earlier.id.desc())
        .limit(1)
        .correlate(Delivery)
        .scalar_subquery()
    )


def _job(mail: ClaimedMail, lines: Sequence[BundleLine]) -> MailJob:
    """Returns the mail to be written; a digest if it carries others of its bundle."""
    return MailJob(
        id=mail.id,
        cause=mail.cause,
        template=TemplateName.DIGEST if lines else TemplateName(mail.template),
        ticket_id=TicketId(mail.ticket_id),
        number=mail.number or "",
        subject=mail.subject or "",
        address=mail.address or "",
        name=mail.name or "",
        facts={"lines": lines} if lines else mail.facts,
        message_id=mail.message_id,
        attempts=mail.attempts,
        created_at=mail.created_at,
        thread=MailThread(mail.root_mail_id, mail.last_mail_id or mail.root_mail_id, mail.ours),
        is_copy=mail.recipient.startswith(COPIES),
        language=RecipientLanguage(mail.requester_language or mail.earlier_language, mail.agent_language),
    )
