"""Programs as they were written for osTicket, over a real connection, by the tools their authors had."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import AsyncIterator

import pytest
import uvicorn

from deploy.local.engines.ports import find_free_port
from shared.kit.http.connection_guard import GuardedConnection
from tests.services.intake.osticket.old_client import LEAST, OldClient
from tests.services.intake.osticket.test_email import letter
from tests.support.eventually import eventually


@pytest.fixture(scope="module")
async def address(old: OldClient) -> AsyncIterator[str]:
    """The service on a port, as in operation."""
    port = find_free_port()
    config = uvicorn.Config(old.intake.app, port=port, http=GuardedConnection, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await eventually(lambda: server.started)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    await serving


def posted(url: str, key: str, body: bytes, **headers: str) -> tuple[int, str]:
    """What PHP's curl examples do: no content type of their own, an agent of theirs, and a look at the status."""
    told = {"X-API-Key": key, "User-Agent": "osTicket API Client v1.7", "Expect": ""} | headers
    request = urllib.request.Request(url, body, told)
    try:
        with urllib.request.urlopen(request, timeout=20) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


async def test_the_php_example_opens_a_ticket(old: OldClient, address: str) -> None:
    body = json.dumps(LEAST | {"ip": "203.0.113.9", "topicId": "10"}).encode()
    status, text = await asyncio.to_thread(posted, f"{address}/api/http.php/tickets.json", old.key, body)
    assert status == 201
    assert int(text) > 100_000


async def test_it_reads_what_is_wrong_from_the_body(old: OldClient, address: str) -> None:
    status, text = await asyncio.to_thread(posted, f"{address}/api/http.php/tickets.json", old.key, b"{}")
    assert (status, text.partition(":")[0]) == (400, "Unexpected or invalid data received")
    status, text = await asyncio.to_thread(posted, f"{address}/api/tickets.json", "wrong", b"{}")
    assert (status, text) == (401, "Valid API key required")


async def test_the_pipe_of_a_mail_server_posts_a_mail_and_looks_for_201(old: OldClient, address: str) -> None:
    agent = {"User-Agent": "osTicket API Client v1.7", "Content-Type": "text/plain"}
    status, text = await asyncio.to_thread(posted, f"{address}/api/tickets.email", old.key, letter(), **agent)
    assert status == 201
    assert text.isdigit()


async def test_a_body_in_chunks_is_read_like_any_other(old: OldClient, address: str) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", int(address.rpartition(":")[2]))
    body = json.dumps(LEAST).encode()
    head = f"POST /api/tickets.json HTTP/1.1\r\nHost: x\r\nX-API-Key: {old.key}\r\nConnection: close\r\n"
    writer.write(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n")
    for at in range(0, len(body), 40):
        piece = body[at : at + 40]
        writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
    writer.write(b"0\r\n\r\n")
    assert b" 201 Created" in await asyncio.wait_for(reader.readline(), 20)
    writer.close()
