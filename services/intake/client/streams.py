"""A ticket's life as it goes on: a stream that is taken up again where it broke off, until there is nothing to come."""

import asyncio
from collections.abc import AsyncIterator

import httpx2

from services.intake.client.errors import Refused, Unreachable
from services.intake.client.models import TimelineEvent
from services.intake.client.retry import AWAY, RetryingClient

SILENCE = httpx2.Timeout(30.0, read=60.0)
"""Seconds: the service gives a sign of life every fifteen."""


async def timeline_events(asker: RetryingClient, path: str, after: int) -> AsyncIterator[TimelineEvent]:
    """Each happening once, in order. Raises Refused, and Unreachable when it could not be taken up again in time."""
    loop = asyncio.get_running_loop()
    heard_at, attempt = loop.time(), 0
    while True:
        begun_at = loop.time()
        try:
            async with asker.open(path, {"Last-Event-ID": str(after)}, SILENCE) as response:
                if response.status_code == httpx2.codes.NO_CONTENT:
                    return
                heard_at = loop.time()
                async for event in httpx2.EventSource(response):
                    heard_at = loop.time()
                    if event.data:
                        happening = TimelineEvent.model_validate_json(event.data)
                        after = happening.id
                        yield happening
        except (httpx2.TransportError, Refused) as error:
            if isinstance(error, Refused) and error.status not in AWAY:
                raise
            if loop.time() - heard_at > asker.patience.total:
                raise Unreachable(f"the stream {path} broke off: {error!r}") from error
        attempt = 0 if loop.time() - begun_at > asker.patience.longest else attempt + 1
        await asyncio.sleep(asker.patience.wait(attempt, 0.0))
