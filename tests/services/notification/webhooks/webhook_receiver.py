"""A receiver of webhooks that verifies them with the `standardwebhooks` library, and can be told to fail."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.support.small_server import serving

Answer = tuple[str, bytes]
OK: Answer = ("204 No Content", b"")


@dataclass(frozen=True)
class ReceivedWebhook:
    """One request that carried a valid signature."""

    id: str
    envelope: dict[str, Any]
    headers: dict[str, str]


@dataclass
class WebhookReceiver:
    """Keeps what it was sent; `answer` decides what each request is answered."""

    secret: str = ""
    answer: Callable[["ReceivedWebhook"], Answer] = lambda _: OK
    port: int = 0
    requests: list[ReceivedWebhook] = field(default_factory=list)
    accepted: list[ReceivedWebhook] = field(default_factory=list)
    forged: int = 0
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    """Requests are answered once this is set."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def of(self, entity: object) -> list[ReceivedWebhook]:
        return [one for one in self.accepted if one.envelope["subject"] == str(entity)]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:]) if name}
        body = await reader.readexactly(int(headers["content-length"]))
        await self.hold.wait()
        status, content = self._judge(headers, body)
        writer.write(
            f"HTTP/1.1 {status}\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n".encode() + content
        )
        await writer.drain()
        writer.close()

    def _judge(self, headers: dict[str, str], body: bytes) -> Answer:
        try:
            Webhook(self.secret).verify(body.decode(), headers)
        except WebhookVerificationError:
            self.forged += 1
            return ("401 Unauthorized", b"")
        received = ReceivedWebhook(headers["webhook-id"], json.loads(body), headers)
        self.requests.append(received)
        answer = self.answer(received)
        if answer[0].startswith("2"):
            self.accepted.append(received)
        return answer


@asynccontextmanager
async def receiving() -> AsyncIterator[WebhookReceiver]:
    """A receiver on a port of the loopback, which answers at once."""
    receiver = WebhookReceiver()
    receiver.hold.set()
    async with serving(receiver.serve) as port:
        receiver.port = port
        yield receiver
