"""Bodies and headers that do not come: nobody holds a place for ever by sending slowly, or too much."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import uvicorn
from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.types import Message

from deploy.local.engines.ports import find_free_port
from shared.kit.http import body_limits, connection_guard
from shared.kit.http.body_limits import limited
from shared.kit.http.connection_guard import GuardedConnection
from shared.kit.http.conventions import Conventions
from tests.support.eventually import eventually


def scope(**headers: str) -> dict[str, object]:
    return {"headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]}


def body(*chunks: bytes) -> AsyncIterator[Message]:
    async def messages() -> AsyncIterator[Message]:
        for position, chunk in enumerate(chunks):
            yield {"type": "http.request", "body": chunk, "more_body": position < len(chunks) - 1}
        await asyncio.Event().wait()

    return messages()


async def test_a_body_within_its_limit_comes_through() -> None:
    messages = body(b"ab", b"cd")
    receive = limited(scope(), messages.__anext__, 4)
    assert [(await receive())["body"] for _ in range(2)] == [b"ab", b"cd"]


@pytest.mark.parametrize("declared", [None, "1000", "nonsense"])
async def test_a_body_over_its_limit_is_stopped(declared: str | None) -> None:
    receive = limited(scope(**({"content_length": declared} if declared else {})), body(b"abc", b"de").__anext__, 4)
    with pytest.raises(HTTPException) as refused:
        for _ in range(2):
            await receive()
    assert refused.value.status_code == 413
    assert refused.value.headers == {"Connection": "close"}


async def test_a_body_that_does_not_come_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_limits, "PATIENCE", 0.01)
    receive = limited(scope(), asyncio.Event().wait, 4)  # type: ignore[arg-type]
    with pytest.raises(HTTPException) as refused:
        await receive()
    assert refused.value.status_code == 408


async def test_waiting_for_the_client_to_leave_has_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    messages = body(b"abcd")
    receive = limited(scope(), messages.__anext__, 4)
    await receive()
    monkeypatch.setattr(body_limits, "PATIENCE", 0.0)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(receive(), 0.05)


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """A server with little patience."""
    monkeypatch.setattr(connection_guard, "HEADER_SECONDS", 0.3)
    monkeypatch.setattr(body_limits, "PATIENCE", 0.3)
    app = FastAPI()

    @app.post("/")
    async def length(request: Request) -> int:
        return len(await request.body())

    app.add_middleware(Conventions, service="test", body_limit=lambda _: 1000)
    chosen = find_free_port()
    server = uvicorn.Server(
        uvicorn.Config(app, port=chosen, http=GuardedConnection, limit_concurrency=5, log_config=None)
    )
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    yield chosen
    server.should_exit = True
    await serving


async def answer(port: int, *pieces: bytes) -> bytes:
    """What the server says to these bytes, until it closes; each piece is sent by itself."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        return await asyncio.wait_for(reader.read(), 5)
    finally:
        writer.close()


POST = b"POST / HTTP/1.1\r\nHost: x\r\n"


async def test_requests_are_served_as_ever(port: int) -> None:
    whole = POST + b"Content-Length: 4\r\n\r\nabcd"
    assert (await answer(port, whole + whole.replace(b"Host", b"Connection: close\r\nHost"))).count(b" 200 OK") == 2


async def test_a_silent_connection_is_closed(port: int) -> None:
    assert await answer(port) == b""


async def test_a_header_that_does_not_end_is_not_waited_for(port: int) -> None:
    assert await answer(port, POST, b"X-Slow: yes\r\n") == b""


async def test_a_header_without_end_is_stopped(port: int) -> None:
    assert b" 431 " in await answer(port, POST, *(b"X-%d: %s\r\n" % (n, b"x" * 4000) for n in range(20)))


async def test_one_endless_header_line_is_stopped(port: int) -> None:
    assert b" 431 " in await answer(port, POST + b"X-Long: ", *(b"x" * 8000 for _ in range(10)))


async def test_a_body_that_dawdles_is_told_and_its_connection_closed(port: int) -> None:
    said = await answer(port, POST + b"Content-Length: 100\r\n\r\n", b"a")
    assert b" 408 " in said
    assert b"connection: close" in said.lower()


async def test_a_body_that_is_too_large_closes_its_connection(port: int) -> None:
    said = await answer(port, POST + b"Content-Length: 5000\r\n\r\n", b"a" * 5000)
    assert b" 413 " in said
    assert b"connection: close" in said.lower()


async def test_who_sends_much_too_much_still_reads_why_it_is_refused(port: int) -> None:
    """Closed with bytes unread, a connection is reset, and the answer on its way is lost with it."""
    said = await answer(port, POST + b"Content-Length: 3000000\r\n\r\n", *[b"a" * 100_000] * 30)
    assert b" 413 " in said


async def test_no_more_is_taken_in_for_that_than_a_bound(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_limits, "MOST_DISCARDED", 1000)
    with pytest.raises(ConnectionError):
        await answer(port, POST + b"Content-Length: 90000000\r\n\r\n", *[b"a" * 1_000_000] * 90)


async def test_who_asks_before_sending_too_much_is_told_at_once(port: int) -> None:
    said = await answer(port, POST + b"Expect: 100-continue\r\nContent-Length: 3000000\r\n\r\n")
    assert b" 413 " in said
    assert b" 100 " not in said


async def test_more_connections_than_allowed_are_told_to_come_back(port: int) -> None:
    idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
    assert b" 503 " in await answer(port, POST + b"Connection: close\r\nContent-Length: 0\r\n\r\n")
    for _, writer in idle:
        writer.close()
