"""Carrying a child's output, line by line, to the console and to its log file."""

from asyncio import StreamReader
from collections import deque
from pathlib import Path

from deploy.local.console import Console
from deploy.local.log_file import LogFile

_LONGEST = 16_384
_REMEMBERED = 12


class Output:
    """Reads for as long as the child lives; remembers the last lines for the message if it fails."""

    def __init__(self, speaker: str, path: Path, console: Console) -> None:
        self._speaker = speaker
        self._path = path
        self._console = console
        self._last: deque[str] = deque(maxlen=_REMEMBERED)

    @property
    def tail(self) -> str:
        return "\n".join(self._last)

    async def pump(self, stream: StreamReader) -> None:
        log = LogFile(self._path)
        rest = ""
        try:
            while chunk := await stream.read(65_536):
                *lines, rest = (rest + chunk.decode("utf-8", "replace")).split("\n")
                if len(rest) > _LONGEST:
                    lines, rest = [*lines, rest], ""
                for line in lines:
                    self._write(log, line)
            if rest:
                self._write(log, rest)
        finally:
            log.close()

    def _write(self, log: LogFile, line: str) -> None:
        line = line.rstrip("\r")[:_LONGEST]
        if line.strip():
            self._last.append(line)
            log.write(line)
            self._console.relay(self._speaker, line)
