"""A ZIP that leaves while it is made: nothing of it is kept but the entry under way and the list of names."""

import io
import zipfile
from collections.abc import AsyncIterator

from shared.kit.clock import utc_now


class ZipStream:
    """Entries written one after another; each call gives the bytes that are ready to leave."""

    def __init__(self) -> None:
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w", zipfile.ZIP_DEFLATED)

    def text(self, name: str, content: str) -> bytes:
        """A small entry, compressed."""
        self._zip.writestr(_entry(name, zipfile.ZIP_DEFLATED), content.encode())
        return self._sink.take()

    async def file(self, name: str, content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """An entry of any size, as it comes. Whatever `content` raises ends the archive."""
        with self._zip.open(_entry(name, zipfile.ZIP_STORED), "w", force_zip64=True) as entry:
            async for chunk in content:
                entry.write(chunk)
                yield self._sink.take()
        yield self._sink.take()

    def close(self) -> bytes:
        """The list of all entries, without which it is not an archive."""
        self._zip.close()
        return self._sink.take()


class _Sink(io.RawIOBase):
    """Collects what is written; cannot be sought in, so sizes are written behind their entries."""

    def __init__(self) -> None:
        self._ready = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, content: bytes) -> int:  # type: ignore[override]
        self._ready += content
        return len(content)

    def take(self) -> bytes:
        taken = bytes(self._ready)
        self._ready.clear()
        return taken


def _entry(name: str, compression: int) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, utc_now().timetuple()[:6])
    entry.compress_type = compression
    return entry
