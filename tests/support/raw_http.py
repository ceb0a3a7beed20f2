"""HTTP requests written byte by byte: header lines as proxies write them, which clients would merge or refuse."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI

from tests.support.eventually import eventually


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[int]:
    """An app on a port of the loopback, served as the services are: without uvicorn's own proxy headers."""
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, access_log=False, proxy_headers=False)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await serving


async def status_of(port: int, method: str, path: str, headers: Sequence[str], body: bytes = b"") -> int:
    """The status of the answer to one request with exactly these header lines."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = [f"{method} {path} HTTP/1.1", "Host: test", "Connection: close", f"Content-Length: {len(body)}", *headers]
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body)
    await writer.drain()
    answer = await reader.readline()
    writer.close()
    return int(answer.split()[1])
