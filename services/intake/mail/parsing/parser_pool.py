"""Parses mails in worker processes: a mail that crashes or blocks the parser ends its worker, and is not lost."""

from dataclasses import replace

from services.intake.mail.parsing.parser import ReadMail
from services.intake.mail.parsing.parser_worker import ANSWER, NO_ENVELOPE, OPENING, from_wire
from shared.kit.telemetry import log
from shared.kit.worker_pool import WorkerDied, WorkerPool

HEADER_BYTES = 64 * 1024
"""Of a mail that could not be read whole: enough to learn who sent it, and what it answers."""


WALL_SECONDS_PER_CPU_SECOND = 6
"""How much longer the reading may take on a busy machine, where it gives way to everything else."""
TRIES = 2


class ParserPool:
    """A few reading processes; one is started when it is needed, and again after it was lost."""

    def __init__(self, count: int, cpu_seconds: float) -> None:
        """`cpu_seconds` is the processor time that one mail may take."""
        wall_seconds = cpu_seconds * WALL_SECONDS_PER_CPU_SECOND
        self._pool = WorkerPool(
            "services.intake.mail.parsing.parser_worker", count, wall_seconds, arguments=(str(cpu_seconds),)
        )

    async def read(self, raw: bytes, envelope_sender: str | None, *, is_opening: bool = False) -> ReadMail:
        """What the mail says, hardly cut if it opens a ticket.

        One that cannot be read in time is marked unreadable, with what its header says.
        """
        sender = NO_ENVELOPE if envelope_sender is None else envelope_sender.encode("utf-8", "replace")
        manner = OPENING if is_opening else ANSWER
        if (mail := await self._read(sender, manner, raw)) is not None:
            return mail
        header = raw[:HEADER_BYTES].partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        mail = await self._read(sender, manner, header) or ReadMail()
        return replace(mail, is_readable=False, defects=(*mail.defects, "could not be read in time"))

    async def _read(self, sender: bytes, manner: bytes, content: bytes) -> ReadMail | None:
        """None if it cannot be read. A process that ended before its time was up may have been ended from outside."""
        for _ in range(TRIES):
            try:
                return from_wire(await self._pool.submit(sender, manner, content))
            except ValueError as error:
                log.warning("mail_in.unreadable", size=len(content), error=type(error).__name__)
                return None
            except WorkerDied as death:
                log.warning("mail_in.unreadable", size=len(content), error=str(death))
                if death.is_out_of_time:
                    return None
        return None

    async def close(self) -> None:
        """Ends the processes."""
        await self._pool.close()
