"""Where the engines of tests keep their data: in memory, so that no test waits for a disk to flush.

What is killed is a process, never the machine, and what a process has written survives it there as on a disk.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

SHARED_MEMORY = Path("/dev/shm")
ENOUGH = 6 * 2**30
"""Bytes that must be free, on the memory disk and in memory itself: two workers fill about a quarter of it."""


@contextmanager
def data_folder(temporary: pytest.TempPathFactory, name: str) -> Iterator[Path]:
    """An empty folder, gone afterwards; on the ordinary disk where there is no memory to spare."""
    folder = in_memory(name) if has_memory() else temporary.mktemp(name)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def has_memory() -> bool:
    """Whether the engines' data fits into memory. Not on systems without such a disk."""
    if not os.access(SHARED_MEMORY, os.W_OK):
        return False
    return min(shutil.disk_usage(SHARED_MEMORY).free, psutil.virtual_memory().available) > ENOUGH


def in_memory(name: str) -> Path:
    """A folder that PostgreSQL's own account may pass through, as it does when tests run as root."""
    folder = Path(tempfile.mkdtemp(prefix=f"everdesk-{name}-", dir=SHARED_MEMORY))
    folder.chmod(0o711)
    return folder
