"""An SMTP server that does whatever a test says, to the byte."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import cast

from services.notification.settings import NotificationSettings

CUT, MUTE = "<cut>", "<mute>"
TAKES = {"MAIL": "250 sender", "RCPT": "250 recipient", "DATA": "354 go on", "RSET": "250 anew", "mail": "250 kept"}


@dataclass
class FaultyServer:
    """Answers with what stands in its table, to the byte; `<cut>` at the end of an answer ends the connection."""

    answers: dict[str, str]
    is_pipelining: bool = True
    is_in_pieces: bool = False
    heard: list[str] = field(default_factory=list)
    mails: list[bytes] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    tls: ssl.SSLContext | None = None
    after_ehlo: str = ""
    """What it says besides, in the same breath."""
    by_sender: dict[str, dict[str, str]] = field(default_factory=dict)
    """Other answers to mails of one sender."""
    sender: str = ""
    """Of the mail it is told about."""
    waits_for_next: bool = False
    """Whether it answers a content only once it has heard the command after it."""
    reads: asyncio.Event = field(default_factory=asyncio.Event)
    """Whether it reads mails."""
    late: asyncio.Event = field(default_factory=asyncio.Event)
    """When it says what it owes after `<mute>`."""
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.tasks.append(cast("asyncio.Task[None]", asyncio.current_task()))
        self.writers.append(writer)
        writer.write(b"220 faulty\r\n")
        with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while line := await reader.readline():
                await self._take(line.decode("latin-1"), reader, writer)
        writer.close()

    async def _take(self, line: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        command = line[:4].upper().strip()
        if command == "EHLO":
            pipelining = "250-PIPELINING\r\n" if self.is_pipelining else ""
            is_plain = self.tls is not None and writer.get_extra_info("sslcontext") is None
            starttls = "250-STARTTLS\r\n" if is_plain else ""
            more = "" if is_plain else self.after_ehlo.removesuffix(CUT)
            writer.write(f"250-faulty\r\n{starttls}{pipelining}250 SIZE 100000000\r\n{more}".encode())
            if self.after_ehlo.endswith(CUT):
                writer.close()
            return
        if command == "STAR" and self.tls is not None:
            writer.write(b"220 go on\r\n250 said by another\r\n")
            await writer.start_tls(self.tls)
            return
        self.heard.append(line.rstrip("\r\n"))
        if command == "MAIL":
            self.sender = line.partition("<")[2].partition(">")[0]
        await self._say(self._answer_to(command), writer)
        if command == "DATA" and "354" in self._answer_to(command):
            if not self.reads.is_set():
                transport = cast("asyncio.Transport", writer.transport)
                transport.pause_reading()
                await self.reads.wait()
                transport.resume_reading()
            self.mails.append(await reader.readuntil(b"\r\n.\r\n"))
            self.heard.append("mail")
            answer, following = self._answer_to("mail"), b""
            if self.waits_for_next:
                following = await reader.readline()
            await self._say(answer, writer)
            if following:
                await self._take(following.decode("latin-1"), reader, writer)

    def _answer_to(self, command: str) -> str:
        return self.by_sender.get(self.sender, {}).get(command) or self.answers.get(command, "500 what?")

    async def _say(self, answer: str, writer: asyncio.StreamWriter) -> None:
        text = answer.removesuffix(CUT).removesuffix(MUTE)
        data = text.encode("latin-1") + (b"\r\n" if text else b"")
        if answer.endswith(MUTE):
            writer.write(data)
            await self.late.wait()
            data = b"250 late\r\n"
        if self.is_in_pieces:
            for at in range(len(data)):
                writer.write(data[at : at + 1])
                await asyncio.sleep(0)
        else:
            writer.write(data)
        if answer.endswith(CUT):
            writer.close()
            raise ConnectionResetError


@asynccontextmanager
async def serving(
    answers: dict[str, str],
    *,
    is_pipelining: bool = True,
    is_in_pieces: bool = False,
    tls: ssl.SSLContext | None = None,
    is_tls_from_start: bool = False,
) -> AsyncIterator[tuple[FaultyServer, NotificationSettings]]:
    faulty = FaultyServer(TAKES | answers, is_pipelining, is_in_pieces)
    faulty.reads.set()
    faulty.tls = None if is_tls_from_start else tls
    first = tls if is_tls_from_start else None
    server = await asyncio.start_server(faulty.serve, "127.0.0.1", 0, limit=2**26, ssl=first)
    faulty.port = server.sockets[0].getsockname()[1]
    settings = NotificationSettings.model_validate(
        {"database_url": "postgresql+asyncpg://nobody@127.0.0.1/none", "link_secret": "x" * 16}
        | {"smtp_port": faulty.port}
    )
    try:
        yield faulty, settings
    finally:
        for writer in faulty.writers:
            writer.transport.abort()
        for task in faulty.tasks:
            task.cancel()
        server.close()
