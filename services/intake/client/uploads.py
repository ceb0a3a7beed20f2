"""Files on their way in: read in pieces, and from the beginning again when an attempt fails."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

FIELD = "file"

Source = Path | bytes | BinaryIO
"""Where a file's content comes from; an open file is sent from its beginning, so it must be able to go back there."""


@dataclass(slots=True)
class Upload:
    """One file being sent."""

    source: Source
    name: str
    media_type: str
    _open: Callable[[], BinaryIO]
    _opened: BinaryIO | None = None

    @classmethod
    def of(cls, source: Source, name: str | None, media_type: str) -> "Upload":
        """Raises ValueError where a name is needed and none is given."""
        named = name or (source.name if isinstance(source, Path) else None)
        if not named:
            raise ValueError("say the file's name")
        return cls(source, named, media_type, _opener(source))

    def content(self) -> Mapping[str, Any]:
        """The form for one attempt."""
        self.close()
        self._opened = self._open()
        return {"files": {FIELD: (self.name, self._opened, self.media_type)}}

    def close(self) -> None:
        """Closes what was opened here, never what was handed in."""
        if self._opened is not None and self._opened is not self.source:
            self._opened.close()


def _opener(source: Source) -> Callable[[], BinaryIO]:
    if isinstance(source, Path):
        return lambda: source.open("rb")
    return lambda: BytesIO(source) if isinstance(source, bytes) else source
