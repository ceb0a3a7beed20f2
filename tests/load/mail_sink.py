"""`python -m tests.load.mail_sink <smtp port> <control port>`: takes every mail and tells what came, and when.

The SMTP side is aiosmtpd, which here says that it takes commands together, as nearly all servers do. Whoever writes
`count` to the control port is told the number of mails; whoever writes `all` the Message-ID, ticket and instant of
each, and whoever writes `last` the content of the last; as JSON.
"""

import asyncio
import json
import re
import sys
import time
from dataclasses import dataclass

from aiosmtpd.smtp import SMTP, Envelope, Session

HOST = "127.0.0.1"
MESSAGE_ID = re.compile(rb"^Message-ID:\s*(\S+)", re.MULTILINE | re.IGNORECASE)
TICKET = re.compile(rb"^X-Everdesk-Ticket: (\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class SunkMail:
    """One mail that was taken."""

    message_id: str
    ticket: str
    at: float


class Sink:
    """The handler of every connection."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str, float]] = []
        self._last = b""

    async def handle_EHLO(  # noqa: N802
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """aiosmtpd's hook for its abilities: it reads commands sent together, and says so as usual servers do."""
        session.host_name = hostname
        return [*responses[:-1], "250-PIPELINING", responses[-1]]

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """aiosmtpd's hook for a complete mail."""
        self._last = envelope.original_content or b""
        head = self._last[:4_000]
        message_id, ticket = MESSAGE_ID.search(head), TICKET.search(head)
        self.taken.append(
            (message_id[1].decode() if message_id else "", ticket[1].decode() if ticket else "", time.time())
        )
        return "250 2.0.0 Taken"

    async def tell(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers a control connection."""
        answers = {b"count": len(self.taken), b"all": self.taken, b"last": self._last.decode("latin-1")}
        writer.write(json.dumps(answers[(await reader.readline()).strip()]).encode())
        await writer.drain()
        writer.close()


async def main() -> None:
    sink, loop = Sink(), asyncio.get_running_loop()
    await loop.create_server(lambda: SMTP(sink, hostname="sink.bench"), HOST, int(sys.argv[1]))
    control = await asyncio.start_server(sink.tell, HOST, int(sys.argv[2]))
    await control.serve_forever()


async def taken_by(port: int) -> list[SunkMail]:
    """Asks a sink for all that it took. Raises OSError if there is none."""
    return [SunkMail(*one) for one in json.loads(await _ask(port, b"all\n"))]


async def count_of(port: int) -> int:
    """Asks a sink how much it took. Raises OSError if there is none."""
    return int(await _ask(port, b"count\n"))


async def last_of(port: int) -> bytes:
    """Asks a sink for the content of the last mail. Raises OSError if there is none."""
    content: str = json.loads(await _ask(port, b"last\n"))
    return content.encode("latin-1")


async def _ask(port: int, question: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(question)
    told = await reader.read()
    writer.close()
    return told


if __name__ == "__main__":
    asyncio.run(main())
