"""Connections that do not wait for ever: a header has to come, whole, within its time and size.

Of uvicorn's settings, `timeout_keep_alive` counts only after a first answer, and `h11_max_incomplete_event_size` needs
the slower h11. A reverse proxy does both (docs/deployment.md), but `make run` and the compose file start none.
"""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_SECONDS = 20.0
"""From connecting, or from the first byte of a later request, to the end of its header."""
MAX_HEADER = 64 * 1024
"""Bytes of address and header together, to within one read of the socket."""
TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Length: 24\r\nConnection: close\r\n\r\nThe header is too large."
)


class GuardedConnection(HttpToolsProtocol):
    """uvicorn's own protocol, which would wait without end for the header of a request that was begun."""

    _timer: asyncio.TimerHandle | None = None
    _header_bytes = 0
    _header_began: float | None = None
    """None between the end of a header and the next request's first byte."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._header_began = self.loop.time()
        self._timer = self.loop.call_later(HEADER_SECONDS, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._header_began is None:
            return
        self._header_bytes += len(data)
        if self._header_bytes > MAX_HEADER and not self.transport.is_closing():
            self.transport.write(TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._header_began, self._header_bytes = self.loop.time(), 0

    def on_headers_complete(self) -> None:
        self._header_began = None
        super().on_headers_complete()

    def _look(self) -> None:
        """Once in a while for each connection: cheaper than a timer for each request.

        While an answer to an earlier request is under way, its end comes first.
        """
        waited = 0.0 if self._header_began is None else self.loop.time() - self._header_began
        is_idle = self.cycle is None or self.cycle.response_complete
        if waited >= HEADER_SECONDS and is_idle:
            self.transport.close()
            return
        self._timer = self.loop.call_later(HEADER_SECONDS - waited % HEADER_SECONDS, self._look)
