"""Disks of single engines, in files: what such a file holds is what a power cut leaves, the page cache being gone."""

import os
import shutil
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

SIZE = 1536 * 1024**2
OPTIONS = "loop,commit=600"
"""Nothing reaches the file sooner than an fsync, or half a minute, sends it there."""
COPIES = 20


class NoDiskError(Exception):
    """It cannot be made here; the message says why."""


@dataclass(frozen=True, slots=True)
class EngineDisk:
    """A file system of its own, mounted at `mount`; its file lies beside."""

    mount: Path

    @property
    def image(self) -> Path:
        """The file that is the disk."""
        return self.mount.with_name(f"{self.mount.name}.disk")

    @property
    def _snapshot(self) -> Path:
        return self.mount.with_name(f"{self.mount.name}.left")

    def make(self) -> None:
        """Empty, and mounted. Raises NoDiskError."""
        if os.geteuid() != 0 or shutil.which("mkfs.ext4") is None:
            raise NoDiskError("only root may mount a disk, and mkfs.ext4 must be there")
        self.mount.mkdir(mode=0o711, parents=True, exist_ok=True)
        with self.image.open("wb") as file:
            file.truncate(SIZE)
        for command in (["mkfs.ext4", "-q", "-m", "0", str(self.image)], self._mounting):
            done = subprocess.run(command, check=False, capture_output=True, text=True)
            if done.returncode != 0:
                raise NoDiskError(f"{command[0]}: {done.stderr.strip()}")
        self.mount.chmod(0o711)

    def cut_power(self) -> None:
        """Keeps what has reached the disk by now. The engine must be stopped or frozen; it is to be killed next.

        The kernel may write on while the file is copied, and a copy half of before and half of after is of no instant:
        one that is the same as the file when it is done is of that instant. Raises RuntimeError if none is.
        """
        making = self._snapshot.with_suffix(".making")
        for _ in range(COPIES):
            subprocess.run(["cp", "--sparse=always", str(self.image), str(making)], check=True)
            if subprocess.run(["cmp", "--silent", str(self.image), str(making)], check=False).returncode == 0:
                making.rename(self._snapshot)
                return
        raise RuntimeError(f"{self.image.name} changes all the time")

    def set_back_if_asked(self) -> None:
        """After `cut_power`: the disk as it was then. Nothing of the engine may run any more."""
        if not self._snapshot.exists():
            return
        self.unmount()
        self._snapshot.rename(self.image)
        subprocess.run(self._mounting, check=True, capture_output=True)

    def unmount(self) -> None:
        """At once; what is still open there stays until it is closed."""
        subprocess.run(["umount", "--lazy", str(self.mount)], check=False, capture_output=True)

    def remove(self) -> None:
        """Nothing is left of it."""
        self.unmount()
        for file in (self.image, self._snapshot):
            file.unlink(missing_ok=True)

    def fill(self) -> Path:
        """Takes nearly all space that is left; returns the file to delete again."""
        ballast = self.mount / "ballast"
        with ballast.open("wb") as file, suppress(OSError):
            while (free := shutil.disk_usage(self.mount).free) > 2 * 1024**2:
                os.posix_fallocate(file.fileno(), os.fstat(file.fileno()).st_size, free // 2)
        self.fill_again(ballast)
        return ballast

    def fill_again(self, ballast: Path) -> None:
        """To the last byte, also what somebody has given back since."""
        with ballast.open("ab", buffering=0) as file:
            for size in (1024**2, 4096, 1):
                with suppress(OSError):
                    while file.write(b"\0" * size):
                        pass

    @property
    def _mounting(self) -> list[str]:
        return ["mount", "-o", OPTIONS, str(self.image), str(self.mount)]
