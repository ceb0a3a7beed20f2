"""What is compiled from our own sources when it is first needed, kept beside them for the next start of a process.

A file is trusted as the code beside it is, and what cannot be read or written is compiled anew.
"""

import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path


class CompiledFiles:
    """In a folder `__pycache__` beside the sources, as long as Python may write its own there."""

    def __init__(self, folder: Path) -> None:
        prefix = Path(sys.pycache_prefix, *folder.absolute().parts[1:]) if sys.pycache_prefix else folder
        self._folder = prefix / "__pycache__"

    def find(self, name: str) -> bytes | None:
        """Returns what was kept under the name, by this version of Python."""
        with suppress(OSError):
            return self._path(name).read_bytes()
        return None

    def keep(self, name: str, content: bytes) -> None:
        """Keeps it as a whole or not at all."""
        if sys.dont_write_bytecode:
            return
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, fresh = tempfile.mkstemp(dir=self._folder, suffix=".new")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                Path(fresh).replace(self._path(name))
            except OSError:
                Path(fresh).unlink(missing_ok=True)
                raise

    def _path(self, name: str) -> Path:
        stem, _, kind = name.rpartition(".")
        return self._folder / f"{stem}.{sys.implementation.cache_tag}.{kind}"
