"""Connections that do not wait for ever: a header has to come, whole, within its time and size."""

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEADER_SECONDS = 20.0
"""From the first byte of a request, or from connecting, to the end of its header."""
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
    _is_in_header = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_header()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self._is_in_header:
            return
        self._header_bytes += len(data)
        if self._header_bytes > MAX_HEADER and not self.transport.is_closing():
            self.transport.write(TOO_LARGE)
            self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._await_header()

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        super().on_headers_complete()

    def _await_header(self) -> None:
        self._stop_waiting()
        self._is_in_header, self._header_bytes = True, 0
        self._timer = self.loop.call_later(HEADER_SECONDS, self._give_up)

    def _stop_waiting(self) -> None:
        self._is_in_header = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        """Unless an answer to an earlier request is still under way: then its end comes first."""
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()
        else:
            self._timer = self.loop.call_later(HEADER_SECONDS, self._give_up)
