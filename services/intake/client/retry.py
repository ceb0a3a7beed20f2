"""One request, asked again for as long as asking again can help: always with the same idempotency key."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from random import SystemRandom
from typing import Any

import httpx2

from services.intake.client.errors import Unreachable, refusal

Attempt = Callable[[], Awaitable[httpx2.Response]]
Content = Callable[[], Mapping[str, Any]]
"""What to send, made anew for each attempt: a file is read from its beginning again."""

AWAY = frozenset({429, 502, 503, 504})
_dice = SystemRandom()


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How long to go on asking, in seconds."""

    total: float = 60.0
    """After this the last refusal stands. 0 asks once."""
    first: float = 0.2
    """The longest first wait; each further one may be twice as long, and each is shortened at random."""
    longest: float = 10.0

    def wait(self, attempt: int, asked_for: float) -> float:
        """Seconds before the next attempt; never less than the service asked for."""
        return asked_for + _dice.uniform(0, min(self.longest, self.first * 2.0**attempt))


class RetryingClient:
    """Sends requests to one service with one key."""

    def __init__(self, http: httpx2.AsyncClient, patience: RetryPolicy) -> None:
        self.http = http
        self.patience = patience

    async def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        content: Content = dict,
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        """The answer. Raises Refused for a refusal that stands, Unreachable where none came."""

        async def once() -> httpx2.Response:
            return await self.http.request(method, path, params=query, headers=headers, **content())

        response = await self.patiently(once)
        if not response.is_success:
            raise refusal(response)
        return response

    async def patiently(self, once: Attempt) -> httpx2.Response:
        """The first answer that is not "later". Raises Unreachable where none came."""
        loop = asyncio.get_running_loop()
        ends_at, attempt = loop.time() + self.patience.total, 0
        while True:
            try:
                response = await once()
            except httpx2.TransportError as error:
                wait = self.patience.wait(attempt, 0.0)
                if loop.time() + wait > ends_at:
                    raise Unreachable(f"no answer from {self.http.base_url}: {error!r}") from error
            else:
                wait = self.patience.wait(attempt, retry_after(response))
                if not says_later(response) or loop.time() + wait > ends_at:
                    return response
            await asyncio.sleep(wait)
            attempt += 1

    @asynccontextmanager
    async def open(
        self, path: str, headers: Mapping[str, str], timeout: httpx2.Timeout
    ) -> AsyncIterator[httpx2.Response]:
        """An answer that is read as it comes. Raises Refused, or what httpx2 raises."""
        async with self.http.stream("GET", path, headers=headers, timeout=timeout) as response:
            if not response.is_success:
                await response.aread()
                raise refusal(response)
            yield response


def new_key() -> str:
    """An idempotency key nobody else uses."""
    return secrets.token_urlsafe(24)


def says_later(response: httpx2.Response) -> bool:
    """Whether the same request may succeed later; a 409 says so with Retry-After."""
    is_in_flight = response.status_code == httpx2.codes.CONFLICT and "retry-after" in response.headers
    return response.status_code in AWAY or is_in_flight


def retry_after(response: httpx2.Response) -> float:
    """The seconds the service asks for; 0 if it says nothing that can be read."""
    asked = response.headers.get("retry-after", "")
    return float(asked) if asked.isdigit() else 0.0
