"""One child's log on disk: plain text, and never more than two files of a fixed size."""

import re
from io import FileIO
from pathlib import Path

_LARGEST = 10_000_000
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class LogFile:
    """Losing lines must not stop the child whose output they are: a full disk is noted once there is space again."""

    def __init__(self, path: Path, largest: int = _LARGEST) -> None:
        self._path = path
        self._largest = largest
        self._file: FileIO | None = None
        self._missing = 0

    def write(self, line: str) -> None:
        """Appends a line, or counts it as missing if the disk does not take it."""
        try:
            if self._missing:
                self._append(f"({self._missing} lines are missing here: they could not be written)")
            self._append(_ANSI.sub("", line))
        except OSError:
            self._missing += 1
        else:
            self._missing = 0

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _append(self, line: str) -> None:
        if self._file is None:
            self._file = FileIO(self._path, "ab")
        if self._file.tell() > self._largest:
            self._file.close()
            self._file = None
            self._path.replace(self._path.with_suffix(".log.1"))
            self._file = FileIO(self._path, "ab")
        content = line.encode() + b"\n"
        if self._file.write(content) < len(content):
            raise OSError("only a part could be written")
