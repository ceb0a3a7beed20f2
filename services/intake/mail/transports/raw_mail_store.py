"""Stores a received mail before it is acknowledged: bytes in the content store, then a committed row."""

import hashlib
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from services.intake.attachments.object_store import CHUNK, ContentStore
from services.intake.models import RawMail
from services.intake.models.mail import RawMailState
from shared.kit.addresses import address_key, mailbox_key
from shared.kit.clock import new_id
from shared.kit.db import Database

MAX_HEADER = 256 * 1024
"""Bytes of a mail in which its header must end to be seen here."""
_END_OF_HEADER = re.compile(rb"\r?\n\r?\n")
_NAMING = re.compile(rb"^(message-id|from|date|subject)[ \t]*:((?:[^\n]|\n[ \t])*)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ReceivedMail:
    """A mail as a transport received it."""

    content: bytes
    source: str
    """`smtp`, or the name of a mailbox."""
    sender: str
    """Of the envelope, empty for bounces; of the header where there is no envelope."""
    recipients: tuple[str, ...]
    received_at: datetime
    network: str = ""
    """Of the client that delivered it, where it was delivered by one."""

    @property
    def origin(self) -> str:
        """Who delivers, for taking turns."""
        return (self.network or self.source)[:255]

    @property
    def mailbox(self) -> str:
        """Whose turn it takes: bounces, which have no sender, take one together for each client that delivers."""
        return mailbox_key(self.sender) if self.sender else f"<>@{self.origin}"


class RawMailStore:
    """Where every mail is kept, once."""

    def __init__(self, database: Database, storage: ContentStore, on_commit: Callable[[], None] = lambda: None) -> None:
        self._database = database
        self._storage = storage
        self._on_commit = on_commit

    async def store(self, arrival: ReceivedMail) -> bool:
        """Returns once the mail is durable; False if we had it already.

        Raises StorageUnavailable, or an error for which `is_unreachable` is true; then the mail is not kept.
        """
        identity = identity_of(arrival.content)
        known = select(RawMail.id).where(RawMail.identity == identity)
        async with self._database.begin() as session:
            if await session.scalar(known):
                return False
        stored = await self._storage.put(in_chunks(arrival.content))
        row = {
            "id": new_id(),
            "identity": identity,
            "digest": stored.digest,
            "size": stored.size,
            "source": arrival.source,
            "sender": address_key(arrival.sender),
            "mailbox": arrival.mailbox,
            "origin": arrival.origin,
            "recipients": list(arrival.recipients),
            "received_at": arrival.received_at,
            "state": RawMailState.RECEIVED,
            "attempts": 0,
            "outcome": "",
        }
        async with self._database.begin() as session:
            kept = await session.scalar(insert(RawMail).values(row).on_conflict_do_nothing().returning(RawMail.id))
        self._on_commit()
        return kept is not None


def identity_of(content: bytes) -> str:
    """The same for the same mail by whatever way it comes: what servers add on the way does not count.

    It covers the body as well: a second mail that bears the Message-ID of another is not taken for it.
    """
    end = _END_OF_HEADER.search(content, 0, MAX_HEADER)
    if end is None:
        return _digest_of(content).hex()
    found = _NAMING.findall(content[: end.start() + 1])
    fields = sorted((name.lower(), b" ".join(value.split())) for name, value in found)
    if not any(name == b"message-id" for name, _ in fields):
        return _digest_of(content).hex()
    digest = hashlib.sha256()
    for name, value in fields:
        digest.update(name + b":" + value + b"\n")
    digest.update(_digest_of(content[end.end() :]))
    return digest.hexdigest()


def _digest_of(content: bytes) -> bytes:
    """Whatever line ends a server made of it, and how many at the end."""
    return hashlib.sha256(content.replace(b"\r\n", b"\n").rstrip()).digest()


async def in_chunks(content: bytes) -> AsyncIterator[bytes]:
    """Bytes as a stream."""
    for at in range(0, len(content), CHUNK):
        yield content[at : at + CHUNK]
