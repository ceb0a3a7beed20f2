"""Reads mails in a process of its own: one that crashes it or never ends costs that process, and no mail."""

import asyncio
import contextlib
import os
import struct
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from dataclasses import replace

from services.intake.mail.reading import ReadMail
from services.intake.mail.side import FRAME, NO_ENVELOPE, from_wire
from shared.kit.telemetry import log

HEADER_BYTES = 64 * 1024
"""Of a mail that could not be read whole: enough to learn who sent it, and what it answers."""
_BROKE = (asyncio.IncompleteReadError, ConnectionError, TimeoutError, ValueError)


class Reader:
    """A few reading processes; one is started when it is needed, and again after it was lost."""

    def __init__(self, count: int, within_seconds: float) -> None:
        self._within = within_seconds
        self._idle: asyncio.LifoQueue[Process | None] = asyncio.LifoQueue()
        for _ in range(count):
            self._idle.put_nowait(None)
        self._count = count

    async def read(self, raw: bytes, envelope_sender: str | None) -> ReadMail:
        """What the mail says. One that cannot be read in time is marked unreadable, with what its header says."""
        for content in (raw, raw[:HEADER_BYTES].partition(b"\r\n\r\n")[0] + b"\r\n\r\n"):
            try:
                mail = await self._ask(content, envelope_sender)
            except _BROKE as error:
                log.warning("mail_in.unreadable", size=len(content), error=type(error).__name__)
                continue
            if content is raw:
                return mail
            return replace(mail, is_readable=False, defects=(*mail.defects, "could not be read in time"))
        return ReadMail(is_readable=False, defects=("could not be read in time",))

    async def close(self) -> None:
        """Ends the processes."""
        for _ in range(self._count):
            process = await self._idle.get()
            if process is not None:
                await _end(process)

    async def _ask(self, raw: bytes, envelope_sender: str | None) -> ReadMail:
        async with self._process() as process, asyncio.timeout(self._within):
            assert process.stdin is not None
            assert process.stdout is not None
            sender = NO_ENVELOPE if envelope_sender is None else envelope_sender.encode("utf-8", "replace")
            for frame in (sender, raw):
                process.stdin.write(struct.pack(FRAME, len(frame)))
                process.stdin.write(frame)
            await process.stdin.drain()
            (size,) = struct.unpack(FRAME, await process.stdout.readexactly(struct.calcsize(FRAME)))
            return from_wire(await process.stdout.readexactly(size))

    @contextlib.asynccontextmanager
    async def _process(self) -> AsyncIterator[Process]:
        """A process that waits for work; after anything unforeseen it is replaced."""
        process = await self._idle.get()
        keep: Process | None = None
        try:
            if process is None or process.returncode is not None:
                process = await _start()
            yield process
            keep = process
        finally:
            if keep is None and process is not None:
                await _end(process)
            self._idle.put_nowait(keep)


async def _start() -> Process:
    """It gets no environment but the path of its code: there is nothing in it to steal."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "services.intake.mail.side"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
    )


async def _end(process: Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
    await process.wait()
