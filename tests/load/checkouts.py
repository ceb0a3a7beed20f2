"""Checkouts of the project that are measured side by side: the present one, and an earlier commit's."""

import asyncio
import re
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from io import BytesIO
from pathlib import Path

from tests.load.python_process import CHECKOUT

PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)( ; )?", re.MULTILINE)
"""A package, its version, and whether only some platforms need it."""


@dataclass(frozen=True, slots=True)
class Checkout:
    """A tree of sources and the interpreter that has the packages it needs."""

    name: str
    folder: Path
    python: Path


PRESENT = Checkout("present", CHECKOUT, Path(sys.executable))


@asynccontextmanager
async def checkout_of(commit: str) -> AsyncIterator[Checkout]:
    """The sources of a commit in a folder of their own. Raises CalledProcessError for one that git does not have."""
    with tempfile.TemporaryDirectory(prefix="everdesk-past-") as place:
        folder = Path(place)
        await asyncio.to_thread(_extract, commit, folder)
        yield Checkout(commit, folder, await asyncio.to_thread(_interpreter_for, folder))


def _extract(commit: str, folder: Path) -> None:
    command = ["git", "-C", str(CHECKOUT), "archive", "--format=tar", commit]
    archive = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    with tarfile.open(fileobj=BytesIO(archive)) as files:
        files.extractall(folder, filter="data")


def _interpreter_for(folder: Path) -> Path:
    """Ours where it has exactly the packages that the commit pins; else one that the commit's own bootstrap makes."""
    pins = PINNED.findall((folder / "requirements-dev.lock").read_text(encoding="utf-8"))
    if all(_installed(name) in ((pinned, None) if marker else (pinned,)) for name, pinned, marker in pins):
        return Path(sys.executable)
    bootstrap = [sys.executable, "deploy/local/bootstrap.py", "requirements-dev.lock"]
    subprocess.run(bootstrap, check=True, cwd=folder)
    return folder / ".venv" / "bin" / "python"


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
