"""The circuit breaker of the mail server.

After a few failures in a row nobody connects for a while; then one process makes one trial, with one mail. The state is
a row of the database: processes share it, and a restart does not forget it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from services.notification.models.mail_circuit import mail_circuit
from shared.kit.backoff import Backoff
from shared.kit.db import Database, Session

THE_ONE = 1
OPENS_AFTER = 5
"""Failures in a row, of whichever connections."""
PAUSES = Backoff((30, 60))
"""Seconds until the next trial: after the failure that opened the circuit, and after each failed trial."""
TRIAL = timedelta(seconds=40)
"""The longest that a trial may take; if its process dies, another makes the next one then."""

ASK = text("""
with taken as (
  update mail_circuit set open_until = now() + cast(:trial as interval) where open_until <= now() returning id
)
select failures, extract(epoch from open_until - now())::float as pause, (select count(*) from taken) as trials
from mail_circuit where failures > 0
""")
"""Of several processes that ask at once, one gets the trial."""


@dataclass(frozen=True, slots=True)
class MailCircuitState:
    """What is known of the mail server: failures in a row since when, and the next trial if the circuit is open."""

    failures: int = 0
    since: datetime | None = None
    open_until: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class SendingPermit:
    """What may be sent now: everything, one mail as a trial, or nothing for a while."""

    is_trial: bool = False
    pause: float | None = None
    """Seconds for which nothing may be sent; None if something may."""


class MailCircuit:
    """Asked before mails are sent, and told what came of it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.is_suspect = False
        """Whether a failure is known after which nothing has succeeded."""

    async def ask(self) -> SendingPermit:
        """Returns what may be sent now; the one trial of an open circuit is given to one caller."""
        async with self._database.single() as connection:
            row = (await connection.execute(ASK, {"trial": TRIAL})).one_or_none()
        self.is_suspect = row is not None
        if row is None or row.pause is None:
            return SendingPermit()
        if row.trials:
            return SendingPermit(is_trial=True)
        return SendingPermit(pause=max(row.pause, 1.0))

    async def note_failure(self, reason: str) -> bool:
        """Counts a failed connection; True if the circuit is open."""
        self.is_suspect = True
        first = {"failures": 1, "since": func.now(), "reason": reason[:500]}
        following = {
            "failures": mail_circuit.c.failures + 1,
            "since": func.coalesce(mail_circuit.c.since, func.now()),
            "reason": reason[:500],
        }
        counted = insert(mail_circuit).values(id=THE_ONE, **first)
        counted = counted.on_conflict_do_update(index_elements=[mail_circuit.c.id], set_=following)
        async with self._database.begin() as session:
            failures = await session.scalar(counted.returning(mail_circuit.c.failures)) or 0
            if failures < OPENS_AFTER:
                return False
            until = func.now() + PAUSES.delay_after(failures - OPENS_AFTER + 1)
            await session.execute(update(mail_circuit).values(open_until=until))
        return True

    async def note_success(self) -> None:
        """Closes the circuit."""
        async with self._database.begin() as session:
            await close_circuit(session)
        self.is_suspect = False


async def close_circuit(session: Session) -> None:
    """Forgets the failures, so that mails are sent again."""
    closed = update(mail_circuit).where(mail_circuit.c.failures > 0)
    await session.execute(closed.values(failures=0, since=None, open_until=None, reason=None))


async def read_circuit(session: Session) -> MailCircuitState:
    """Returns the state of the circuit."""
    columns = (mail_circuit.c.failures, mail_circuit.c.since, mail_circuit.c.open_until, mail_circuit.c.reason)
    row = (await session.execute(select(*columns))).one_or_none()
    return MailCircuitState(*row) if row else MailCircuitState()
