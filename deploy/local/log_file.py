"""One child's log on disk: plain text, and never more than two files of a fixed size."""

import re
from pathlib import Path

_LARGEST = 10_000_000
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class LogFile:
    def __init__(self, path: Path, largest: int = _LARGEST) -> None:
        self._path = path
        self._largest = largest
        self._file = path.open("ab", buffering=0)

    def write(self, line: str) -> None:
        if self._file.tell() > self._largest:
            self._file.close()
            self._path.replace(self._path.with_suffix(".log.1"))
            self._file = self._path.open("ab", buffering=0)
        self._file.write(_ANSI.sub("", line).encode() + b"\n")

    def close(self) -> None:
        self._file.close()
