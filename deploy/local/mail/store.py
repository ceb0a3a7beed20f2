"""Mail on disk: a message answered with 250 is still there after a power cut."""

import os
import re
import secrets
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from deploy.local.mail.message import Mail, Summary, read_mail

_ID = re.compile(r"[0-9a-f]{24}")


class MailStore:
    """One .eml per mail, named by arrival; summaries are read once, when first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for unfinished in folder.glob("*.part"):
            unfinished.unlink()
        self._ids = sorted(path.stem for path in folder.glob("*.eml") if _ID.fullmatch(path.stem))
        self._summaries: dict[str, Summary] = {}
        self._read: set[str] = set()

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def unread(self) -> int:
        return len(self._ids) - len(self._read)

    def keep(self, raw: bytes) -> str:
        """Return only when the bytes are on disk under their final name."""
        mail_id = f"{time.time_ns():016x}{secrets.token_hex(4)}"
        part = self._folder / f"{mail_id}.part"
        with part.open("xb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        part.rename(self._path(mail_id))
        self._sync_folder()
        self._ids.append(mail_id)
        return mail_id

    def newest_first(self) -> Iterator[Summary]:
        for mail_id in reversed(self._ids.copy()):
            if (summary := self._find_summary(mail_id)) is not None:
                yield summary

    def page(self, start: int, limit: int) -> list[Summary]:
        """Newest first, without reading the mails before `start`."""
        wanted = self._ids[::-1][start : start + limit]
        return [summary for mail_id in wanted if (summary := self._find_summary(mail_id)) is not None]

    def find(self, mail_id: str) -> Mail | None:
        raw = self.find_raw(mail_id)
        if raw is None:
            return None
        self._read.add(mail_id)
        return read_mail(mail_id, _arrived(mail_id), raw)

    def find_raw(self, mail_id: str) -> bytes | None:
        if not _ID.fullmatch(mail_id):
            return None
        try:
            return self._path(mail_id).read_bytes()
        except FileNotFoundError:
            return None

    def clear(self) -> None:
        doomed, self._ids = self._ids, []
        self._summaries.clear()
        self._read.clear()
        for mail_id in doomed:
            self._path(mail_id).unlink(missing_ok=True)

    def is_writable(self) -> bool:
        return os.access(self._folder, os.W_OK)

    def _find_summary(self, mail_id: str) -> Summary | None:
        if mail_id not in self._summaries:
            raw = self.find_raw(mail_id)
            if raw is None:
                return None
            self._summaries[mail_id] = read_mail(mail_id, _arrived(mail_id), raw).summary
        return self._summaries[mail_id]

    def _path(self, mail_id: str) -> Path:
        return self._folder / f"{mail_id}.eml"

    def _sync_folder(self) -> None:
        handle = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _arrived(mail_id: str) -> datetime:
    return datetime.fromtimestamp(int(mail_id[:16], 16) / 1e9, UTC)
