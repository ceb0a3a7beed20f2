"""The mails that one SMTP connection is to send: while the server takes one, the next is written."""

from collections import deque
from dataclasses import dataclass

from services.notification.delivery.queue import MailJob
from services.notification.delivery.recorder import Record
from services.notification.delivery.smtp import MailConnection
from services.notification.delivery.smtp_dialogue import OutgoingMail
from shared.kit.time_limit import TimeLimit


@dataclass(frozen=True, slots=True)
class WrittenMail:
    """A mail ready to be sent, and what it was written from."""

    job: MailJob
    mail: OutgoingMail


@dataclass(slots=True)
class ConnectionLane:
    """One connection, the mails that it is to send, and the record of the last that it sent."""

    connection: MailConnection
    jobs: deque[MailJob]
    limit: TimeLimit
    """Of each mail."""
    record: Record | None = None
    following: WrittenMail | None = None
    """Written already; its envelope may have been said."""

    @property
    def is_busy(self) -> bool:
        """Whether there is still something to send."""
        return bool(self.jobs) or self.following is not None

    def left(self) -> list[MailJob]:
        """The mails that are not begun."""
        return [self.following.job, *self.jobs] if self.following else list(self.jobs)

    def put_back(self, written: WrittenMail) -> None:
        """Has a mail sent again, and written anew, before the others."""
        if self.following is not None:
            self.jobs.appendleft(self.following.job)
            self.following = None
        self.jobs.appendleft(written.job)

    async def recorded(self) -> None:
        """Returns once that record is committed."""
        if self.record is not None:
            await self.record
