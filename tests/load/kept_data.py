"""Folders for the databases of benchmarks: gone afterwards, or kept, so that filling them is done once."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PASSWORD = "kept-by-benchmarks"
"""The superuser's, the same each time: a kept database knows no other."""
_MARK = "filled"


@contextmanager
def data_folder(name: str) -> Iterator[Path]:
    """A folder of its own, removed at the end; with KEEP_BENCH_DATA=<folder>, the one of this name there, which stays.

    A kept folder is good for the migrations and the filling it was made with: remove it when either changes.
    """
    if kept := os.environ.get("KEEP_BENCH_DATA"):
        folder = Path(kept) / name
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="everdesk-bench-") as gone:
        yield Path(gone)


def is_filled(folder: Path) -> bool:
    """Whether an earlier run filled its databases."""
    return (folder / _MARK).exists()


def mark_filled(folder: Path) -> None:
    """Its databases hold all they should."""
    (folder / _MARK).touch()
