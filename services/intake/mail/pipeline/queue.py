"""The mails that wait, as a queue: each sender's in the order of their arrival, nobody behind somebody else's flood."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select, text, update

from services.intake.mail.pipeline.pace import PacedMail
from services.intake.models import RawMail, RawMailState
from shared.kit.backoff import MAIL_IN
from shared.kit.clock import utc_now
from shared.kit.db import Database, Session

MAX_WAIT = timedelta(days=3)
"""How long a mail may wait because its sender has opened too many tickets."""
HEADS_AT_ONCE = 200
BEGUN_MARKS = (
    "being processed",
    "being processed, again: the process ended at it before",
    "being processed, the last time: the process ended twice at it",
)
PUT_ASIDE = "put aside for half a minute: the process ended twice at it"
FATAL = "the process ended three times at this mail; look at it, then: everdesk mail retry"
ASIDE_FOR = timedelta(seconds=30)
"""Long enough for whatever else ended the processes: a machine that restarts, a memory limit, somebody's hand."""
HEADS = text("""
with recursive heads as (
  (select id, mailbox, origin, sender, received_at, next_attempt_at, outcome from raw_mails where state = 'received'
   order by mailbox, received_at, id limit 1)
  union all
  select next.* from heads, lateral (
    select id, mailbox, origin, sender, received_at, next_attempt_at, outcome from raw_mails
    where state = 'received' and mailbox > heads.mailbox
    order by mailbox, received_at, id limit 1
  ) as next
), counted as (
  select heads.*, (
    select count(*) from (
      select 1 from raw_mails where mailbox = heads.mailbox and mailbox <> ''
      and settled_at > now() - interval '1 hour' limit :per_hour
    ) as recent
  ) as settled
  from heads where next_attempt_at is null or next_attempt_at <= now()
), of_domains as (
  select *, row_number() over (
    partition by origin, split_part(mailbox, '@', -1) order by settled, received_at, id
  ) as turn
  from counted where sender = '' or settled < :per_hour
), of_origins as (
  select *, row_number() over (partition by origin order by turn, settled, received_at, id) as turn_of_origin
  from of_domains
)
select id, mailbox, origin, outcome = any(:marks) as is_suspect from of_origins
order by turn_of_origin, settled, received_at, id limit :most
""")
"""The oldest waiting mail of each mailbox that has not had its share of the hour; least served first.

It jumps from mailbox to mailbox in the index, so that a flood of one costs no more than a single mail. Clients that
deliver take turns, so do the domains that one of them delivers for, and the mailboxes of a domain: whoever writes under
many names waits behind themselves.
"""


@dataclass(frozen=True, slots=True)
class SettledMail:
    """What became of a mail."""

    state: RawMailState
    outcome: str
    ticket_id: UUID | None = None
    message_id: UUID | None = None
    guests: int = 0
    """People in copy whom it named on its ticket."""


@dataclass(frozen=True, slots=True)
class WaitingMail:
    """A mail that may be processed; `is_suspect` if a process ended while it was being processed."""

    id: UUID
    is_suspect: bool
    paced: PacedMail


class MailQueue:
    """Any number of processes share it."""

    def __init__(self, database: Database, *, per_hour: int, attempts: int) -> None:
        self._database = database
        self._per_hour = per_hour
        self._attempts = attempts

    async def heads(self, busy: Collection[UUID]) -> list[WaitingMail]:
        """Mails that may be processed now, none of those in `busy`."""
        values = {"per_hour": self._per_hour, "most": HEADS_AT_ONCE, "marks": [*BEGUN_MARKS, PUT_ASIDE]}
        async with self._database.begin() as session:
            found = await session.execute(HEADS, values)
            return [
                WaitingMail(row.id, row.is_suspect, PacedMail(row.mailbox, row.origin))
                for row in found
                if row.id not in busy
            ]

    async def mark_begun(self, mail_id: UUID, *, is_ours: bool) -> bool:
        """Writes down, before the work that may end the process, that a mail is begun; False if there is no more to do.

        A mark that is found there was left by a process that ended, unless it `is_ours`. After two ends the mail is put
        aside for a while, as the reading itself happens in processes of its own and the ends may have had other
        causes; after the third it is given up, and an operator must look at it.
        """
        async with self._database.begin() as session:
            mail = await claim(session, mail_id)
            if mail is None:
                return False
            if mail.outcome == PUT_ASIDE:
                ends = len(BEGUN_MARKS) - 1
            else:
                ends = BEGUN_MARKS.index(mail.outcome) + 1 if mail.outcome in BEGUN_MARKS and not is_ours else 0
                if ends == len(BEGUN_MARKS) - 1:
                    mail.outcome, mail.next_attempt_at = PUT_ASIDE, utc_now() + ASIDE_FOR
                    return False
            if ends < len(BEGUN_MARKS):
                mail.outcome = BEGUN_MARKS[ends]
                return True
            mail.state, mail.next_attempt_at, mail.settled_at = RawMailState.FAILED, None, utc_now()
            mail.outcome = FATAL
            return False

    async def release(self, mail_ids: Collection[UUID]) -> None:
        """Takes the mark off mails whose processing was stopped in an orderly way."""
        marked = update(RawMail).where(RawMail.id.in_(mail_ids), RawMail.outcome.in_(BEGUN_MARKS))
        async with self._database.begin() as session:
            await session.execute(marked.where(RawMail.state == RawMailState.RECEIVED).values(outcome=""))

    async def postpone(self, mail_id: UUID, pause: timedelta) -> None:
        """Leaves a mail, and what its sender wrote after it, for later; that is no attempt.

        One that has waited for days is given up, for an operator to see.
        """
        async with self._database.begin() as session:
            mail, now = await claim(session, mail_id), utc_now()
            if mail is not None and now - mail.received_at > MAX_WAIT:
                mail.state, mail.next_attempt_at, mail.settled_at = RawMailState.FAILED, None, now
                mail.outcome = f"its sender was not let in for {MAX_WAIT.days} days"
            elif mail is not None:
                mail.next_attempt_at, mail.outcome = now + pause, ""

    async def mark_failed(self, mail_id: UUID, error: BaseException) -> bool:
        """Plans another attempt; True if there will be none, and an operator must look at it."""
        async with self._database.begin() as session:
            mail = await claim(session, mail_id)
            if mail is None:
                return False
            mail.attempts += 1
            mail.outcome = f"{type(error).__name__}: {error}"[:500]
            if mail.attempts >= self._attempts:
                mail.state, mail.next_attempt_at, mail.settled_at = RawMailState.FAILED, None, utc_now()
                return True
            mail.next_attempt_at = utc_now() + MAIL_IN.delay_after(mail.attempts)
            return False


async def hold(session: Session, mail_id: UUID) -> bool:
    """Reserves a mail for this transaction before it is marked as begun; False if another process has it.

    The mark must be committed before the work, and so cannot be told from that of a process that ended; a lock of a
    process that ended is gone with its connection.
    """
    lock = func.pg_try_advisory_xact_lock(func.hashtextextended(f"mail:{mail_id}", 0))
    return bool(await session.scalar(select(lock)))


async def claim(session: Session, mail_id: UUID) -> RawMail | None:
    """The mail, ours until the transaction ends; None if somebody else has it, or has settled it."""
    return await session.scalar(
        select(RawMail)
        .where(RawMail.id == mail_id, RawMail.state == RawMailState.RECEIVED)
        .with_for_update(skip_locked=True)
    )


def settle(mail: RawMail, settled: SettledMail) -> None:
    """Writes down what became of a mail."""
    mail.state, mail.outcome = settled.state, settled.outcome
    mail.ticket_id, mail.message_id = settled.ticket_id, settled.message_id
    mail.next_attempt_at, mail.settled_at = None, utc_now()


async def requeue(session: Session, mail_id: UUID, *, is_forced: bool = False) -> bool:
    """Has a mail processed again that was given up or ignored; False if there is none such."""
    again = (
        update(RawMail)
        .where(RawMail.id == mail_id, RawMail.state.in_([RawMailState.FAILED, RawMailState.IGNORED]))
        .values(
            state=RawMailState.RECEIVED,
            attempts=0,
            next_attempt_at=None,
            settled_at=None,
            outcome="",
            is_forced=is_forced,
        )
        .returning(RawMail.id)
    )
    return await session.scalar(again) is not None


async def requeue_as_ticket(session: Session, mail_id: UUID) -> bool:
    """Has a mail that was given up or ignored become a ticket whatever speaks against it; False if there is none such.

    What the mail process sees within a second.
    """
    return await requeue(session, mail_id, is_forced=True)


async def count_by_state(session: Session) -> dict[RawMailState, int]:
    """How many mails wait or were given up."""
    counted = (
        select(RawMail.state, func.count())
        .where(RawMail.state.in_([RawMailState.RECEIVED, RawMailState.FAILED]))
        .group_by(RawMail.state)
    )
    return dict((await session.execute(counted)).tuples().all())
