"""Compiled templates, kept beside their sources for the next start of the process.

A page is compiled when it is first asked for, which takes longer than answering it, and everybody waits meanwhile.
"""

import hashlib
from contextlib import suppress
from pathlib import Path
from pickle import PickleError

import jinja2
from jinja2.bccache import Bucket, BytecodeCache

from shared.kit.compiled_files import CompiledFiles


class CompiledTemplates(BytecodeCache):
    """The templates of one environment."""

    def __init__(self, folder: Path, *makers: Path) -> None:
        """`makers` are the modules that set the environment up: what they say decides how templates are compiled."""
        self._files = CompiledFiles(folder)
        made_by = hashlib.sha256(jinja2.__version__.encode())
        for path in makers:
            made_by.update(path.read_bytes())
        self._made_by = made_by.digest()

    def get_source_checksum(self, source: str) -> str:
        """Of what a template says, and of what it is compiled with."""
        return hashlib.sha256(self._made_by + source.encode()).hexdigest()

    def load_bytecode(self, bucket: Bucket) -> None:
        if kept := self._files.find(f"{bucket.key}.jinja"):
            with suppress(EOFError, ValueError, TypeError, PickleError):
                bucket.bytecode_from_string(kept)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._files.keep(f"{bucket.key}.jinja", bucket.bytecode_to_string())
