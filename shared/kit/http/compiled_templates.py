"""Compiled templates, kept beside their sources as Python keeps compiled modules, for the next start of the process.

A page is compiled when it is first asked for, which takes longer than answering it, and everybody waits meanwhile.
"""

import hashlib
import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from pickle import PickleError

import jinja2
from jinja2.bccache import Bucket, BytecodeCache


class CompiledTemplates(BytecodeCache):
    """In a folder `__pycache__`, as long as Python may write its own there.

    What cannot be read or written is compiled anew. A file is trusted as the code beside it is.
    """

    def __init__(self, folder: Path, *makers: Path) -> None:
        """`makers` are the modules that set the environment up: what they say decides how templates are compiled."""
        prefix = Path(sys.pycache_prefix, *folder.absolute().parts[1:]) if sys.pycache_prefix else folder
        self._folder = prefix / "__pycache__"
        made_by = hashlib.sha256(jinja2.__version__.encode())
        for path in makers:
            made_by.update(path.read_bytes())
        self._made_by = made_by.digest()

    def get_source_checksum(self, source: str) -> str:
        """Of what a template says, and of what it is compiled with."""
        return hashlib.sha256(self._made_by + source.encode()).hexdigest()

    def load_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError, EOFError, ValueError, TypeError, PickleError), self._file(bucket).open("rb") as file:
            bucket.load_bytecode(file)

    def dump_bytecode(self, bucket: Bucket) -> None:
        if sys.dont_write_bytecode:
            return
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, fresh = tempfile.mkstemp(dir=self._folder, suffix=".new")
            try:
                with os.fdopen(handle, "wb") as file:
                    bucket.write_bytecode(file)
                Path(fresh).replace(self._file(bucket))
            except OSError:
                Path(fresh).unlink(missing_ok=True)
                raise

    def _file(self, bucket: Bucket) -> Path:
        return self._folder / f"{bucket.key}.{sys.implementation.cache_tag}.jinja"
