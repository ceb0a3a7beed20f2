"""Taking a file in: its bytes streamed to the store, its row written once they are durable."""

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass

from services.intake.attachments.file_limits import FileLimits
from services.intake.attachments.file_names import safe_name
from services.intake.attachments.macros import MacroDetector
from services.intake.attachments.media_type_detection import HEAD, media_type_of
from services.intake.attachments.object_store import ContentStore, StoredObject
from services.intake.models import Attachment, AttachmentState
from shared.contracts.events import AttachmentRef
from shared.kit.clock import new_id, utc_now
from shared.kit.http.problems import Problem


@dataclass(frozen=True, slots=True)
class IncomingFile:
    """A file as somebody sends it."""

    name: str
    owner: str
    """`key:<id>`, `form:<digest>` or `mail:<id>`: who alone may attach it."""
    content_id: str | None = None
    is_inline: bool = False


class Uploader:
    """Takes files in. `scans` says whether something looks into them before they may be served."""

    def __init__(self, storage: ContentStore, limits: FileLimits, *, scans: bool) -> None:
        self._storage = storage
        self._limits = limits
        self._fresh = AttachmentState.PENDING if scans else AttachmentState.UNSCANNED

    async def store(self, content: AsyncIterable[bytes], sent: IncomingFile) -> Attachment:
        """Stores a file that somebody may still attach; the row is not in any session yet.

        Raises Problem 413 or 422 for what is not let in, StorageUnavailable.
        """
        name = safe_name(sent.name)
        watched = _Watched(content, self._limits, name)
        return self._row(await self._storage.put(watched), sent, name, watched.media_type, self._fresh)

    async def store_or_quarantine(self, content: AsyncIterable[bytes], sent: IncomingFile) -> Attachment:
        """As `store`, for files that cannot be refused any more, such as those of a mail: they go into quarantine."""
        name = safe_name(sent.name)
        watched = _Watched(content, None, name)
        stored = await self._storage.put(watched)
        is_refused = stored.size > self._limits.max_bytes or watched.is_refused_by(self._limits)
        state = AttachmentState.QUARANTINED if is_refused else self._fresh
        return self._row(stored, sent, name, watched.media_type, state)

    def _row(
        self, stored: StoredObject, sent: IncomingFile, name: str, media_type: str, state: AttachmentState
    ) -> Attachment:
        return Attachment(
            id=new_id(),
            digest=stored.digest,
            name=name,
            media_type=media_type,
            size=stored.size,
            state=state,
            owner=sent.owner,
            content_id=sent.content_id,
            is_inline=sent.is_inline,
            created_at=utc_now(),
        )


def attachment_ref(attachment: Attachment) -> AttachmentRef:
    """How events speak of it."""
    return AttachmentRef(
        id=attachment.id,
        name=attachment.name,
        media_type=attachment.media_type,
        size=attachment.size,
        is_inline=attachment.is_inline,
    )


class _Watched:
    """A stream that is held to its limits and looked at as it passes."""

    def __init__(self, content: AsyncIterable[bytes], limits: FileLimits | None, name: str) -> None:
        self._content = content
        self._limits = limits
        self._name = name
        self._head = b""
        self._size = 0
        self._macros = MacroDetector()

    def is_refused_by(self, limits: FileLimits) -> bool:
        """Whether what has passed is of a kind that is not let in."""
        return limits.refuses(self._name, self.media_type, has_macros=self._macros.has_macros)

    @property
    def media_type(self) -> str:
        return media_type_of(self._head, self._name)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._content:
            self._size += len(chunk)
            if len(self._head) < HEAD:
                self._head += chunk[: HEAD - len(self._head)]
            if self._limits and self._size > self._limits.max_bytes:
                raise too_large(self._name, self._limits.max_bytes)
            self._macros.feed(chunk)
            yield chunk
        if self._limits and self.is_refused_by(self._limits):
            raise file_kind_refused(self._name)


def too_large(name: str, limit: int) -> Problem:
    """The file outgrows what one may have."""
    return Problem(413, "file_too_large", f"{name} is larger than {limit // 1024**2} MiB")


def file_kind_refused(name: str) -> Problem:
    """Programs and macros are not taken in."""
    return Problem(422, "file_type_refused", f"{name} is a kind of file that is not accepted here; send it another way")
