"""PostgreSQL refuses to run as root: find or make the unprivileged account it runs under."""

import grp
import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from deploy.local.errors import LocalStackError

NAME = "everdesk"


@dataclass(frozen=True, slots=True)
class Account:
    uid: int
    gid: int

    def own(self, path: Path) -> None:
        os.chown(path, self.uid, self.gid)

    def can_reach(self, path: Path) -> bool:
        """Whether every existing folder above `path` lets this account through."""
        return all(self._may_enter(folder) for folder in path.absolute().parents if folder.exists())

    def _may_enter(self, folder: Path) -> bool:
        info = folder.stat()
        if info.st_uid == self.uid:
            return bool(info.st_mode & stat.S_IXUSR)
        if info.st_gid == self.gid:
            return bool(info.st_mode & stat.S_IXGRP)
        return bool(info.st_mode & stat.S_IXOTH)


def unprivileged_account() -> Account | None:
    """The account to switch to, or None when the current user will do."""
    if os.geteuid() != 0:
        return None
    if not _exists():
        _create()
    entry = pwd.getpwnam(NAME)
    return Account(entry.pw_uid, entry.pw_gid)


def _exists() -> bool:
    try:
        pwd.getpwnam(NAME)
    except KeyError:
        return False
    return True


def _create() -> None:
    useradd = shutil.which("useradd") or shutil.which("useradd", path="/usr/sbin:/sbin")
    if useradd is None:
        raise LocalStackError(
            f"PostgreSQL must not run as root, and there is no 'useradd' here to make the account '{NAME}' "
            f"it would run under. Create a system user called '{NAME}', or use an ordinary account."
        )
    command = [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin"]
    if _group_exists():
        command += ["--gid", NAME]
    made = subprocess.run([*command, NAME], capture_output=True, text=True, check=False)
    if made.returncode != 0 and not _exists():  # another run may have been quicker
        raise LocalStackError(
            f"PostgreSQL must not run as root, and making the account '{NAME}' failed: {made.stderr.strip()} "
            f"Create a system user called '{NAME}', or use an ordinary account."
        )


def _group_exists() -> bool:
    try:
        grp.getgrnam(NAME)
    except KeyError:
        return False
    return True
