"""The folder that holds one stack: what is where in it, and the lock that admits one supervisor."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.local.engines.ports import find_free_port
from deploy.local.errors import LocalStackError
from deploy.local.private_files import write_private

NEEDED_MB = 500


class AlreadyRunningError(LocalStackError):
    """One supervisor per state folder."""


@dataclass(frozen=True, slots=True)
class StateFolder:
    path: Path

    @property
    def secrets(self) -> Path:
        return self.path / "secrets.json"

    @property
    def stack(self) -> Path:
        return self.path / "stack.json"

    @property
    def children(self) -> Path:
        return self.path / "children.json"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def mail(self) -> Path:
        return self.path / "mail"

    def make(self) -> None:
        try:
            # Passable, not readable: PostgreSQL's own account has to reach its folder when we run as root.
            self.path.mkdir(mode=0o711, parents=True, exist_ok=True)
            self.logs.mkdir(mode=0o700, exist_ok=True)
        except OSError as problem:
            raise self._not_writable(problem) from None

    def check_space(self) -> None:
        free = shutil.disk_usage(self.path).free // 1_000_000
        if free < NEEDED_MB:
            raise LocalStackError(
                f"Only {free} MB are free on the disk of {self.path}; the stack needs {NEEDED_MB} MB "
                "for its databases and logs. Free some space, or put the state elsewhere: "
                "EVERDESK_HOME=/some/folder make run"
            )

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Held until this process ends, however it ends."""
        try:
            handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as problem:
            raise self._not_writable(problem) from None
        with os.fdopen(handle, "r+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise self._already_running(file.read().strip()) from None
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield

    def engine_ports(self, names: tuple[str, ...], reserved: frozenset[int]) -> dict[str, int]:
        """The ports of last time where they are still free, else new ones; remembered for next time."""
        file = self.path / "ports.json"
        before = _read_ports(file)
        chosen: dict[str, int] = {}
        for name in names:
            taken = reserved | frozenset(chosen.values())
            chosen[name] = find_free_port(before.get(name), taken=taken)
        write_private(file, json.dumps(chosen, indent=2))
        return chosen

    def _already_running(self, pid: str) -> AlreadyRunningError:
        who = f" (process {pid})" if pid else ""
        return AlreadyRunningError(
            f"Another Everdesk is already running from {self.path}{who}. Use that one (its addresses are in "
            f"{self.stack}), stop it with Ctrl-C first, or start this one elsewhere with other ports: "
            "EVERDESK_HOME=/some/folder make run"
        )

    def _not_writable(self, problem: OSError) -> LocalStackError:
        return LocalStackError(
            f"The state folder {self.path} cannot be written ({problem.strerror}). Make it yours with chown, "
            "or put the state elsewhere: EVERDESK_HOME=/some/folder make run"
        )


def _read_ports(file: Path) -> dict[str, int]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return {str(name): port for name, port in found.items() if isinstance(port, int)}
