"""Parses mails in worker processes: a mail that crashes or blocks the parser ends its worker, and is not lost."""

from dataclasses import replace

from services.intake.mail.parsing.parser import ReadMail
from services.intake.mail.parsing.parser_worker import ANSWER, NO_ENVELOPE, OPENING, from_wire
from shared.kit.telemetry import log
from shared.kit.worker_pool import WorkerDied, WorkerPool

HEADER_BYTES = 64 * 1024
"""Of a mail that could not be read whole: enough to learn who sent it, and what it answers."""


class ParserPool:
    """A few reading processes; one is started when it is needed, and again after it was lost."""

    def __init__(self, count: int, within_seconds: float) -> None:
        self._pool = WorkerPool("services.intake.mail.parsing.parser_worker", count, within_seconds)

    async def read(self, raw: bytes, envelope_sender: str | None, *, is_opening: bool = False) -> ReadMail:
        """What the mail says, hardly cut if it opens a ticket.

        One that cannot be read in time is marked unreadable, with what its header says.
        """
        sender = NO_ENVELOPE if envelope_sender is None else envelope_sender.encode("utf-8", "replace")
        for content in (raw, raw[:HEADER_BYTES].partition(b"\r\n\r\n")[0] + b"\r\n\r\n"):
            try:
                mail = from_wire(await self._pool.submit(sender, OPENING if is_opening else ANSWER, content))
            except (WorkerDied, ValueError) as error:
                log.warning("mail_in.unreadable", size=len(content), error=type(error).__name__)
                continue
            if content is raw:
                return mail
            return replace(mail, is_readable=False, defects=(*mail.defects, "could not be read in time"))
        return ReadMail(is_readable=False, defects=("could not be read in time",))

    async def close(self) -> None:
        """Ends the processes."""
        await self._pool.close()
