"""Whether acknowledged messages survive a power loss, according to the NATS monitor."""

import asyncio
import json
from typing import Any
from urllib.parse import urlsplit

from shared.kit.settings import Settings
from shared.kit.telemetry import log

ANSWERS_WITHIN = 2.0
MOST_BYTES = 1024**2


def verdict(varz: dict[str, Any] | None, replicas: int) -> tuple[bool | None, str]:
    """Returns whether acknowledged events are durable (None: unknown), with an explanation."""
    if varz is None:
        return None, (
            "Whether NATS writes to its disk before it acknowledges is not known, because its monitor was not asked "
            "or did not answer: set EVERDESK_NATS_MONITOR_URL, and 'sync_interval: always' in the server's jetstream "
            "block."
        )
    config = varz.get("jetstream", {}).get("config", {})
    if config.get("sync_always"):
        return True, "NATS writes to its disk before it acknowledges."
    seconds = config.get("sync_interval", 0) / 1e9
    copies = f"{replicas} copies are lost only if all of them fail at once" if replicas > 1 else "there is one copy"
    return False, (
        f"NATS acknowledges before it writes to its disk, up to {seconds:.0f} s before; {copies}. A power cut can lose "
        "events of which no outbox knows any more: set 'sync_interval: always' in the server's jetstream block."
    )


async def warn_of_what_can_be_lost(settings: Settings) -> None:
    """Logs the verdict; a warning unless durable."""
    varz = await read_varz(settings.nats_monitor_url) if settings.nats_monitor_url else None
    is_safe, sentence = verdict(varz, settings.stream_replicas)
    say = log.info if is_safe else log.warning
    say("bus.durability", is_safe=is_safe, says=sentence)


async def read_varz(url: str) -> dict[str, Any] | None:
    """Reads `/varz` of the monitor; None if it does not answer."""
    parts = urlsplit(url)
    try:
        async with asyncio.timeout(ANSWERS_WITHIN):
            return await _read(parts.hostname or "127.0.0.1", parts.port or 8222)
    except (OSError, TimeoutError, ValueError, EOFError):
        return None


async def _read(host: str, port: int) -> dict[str, Any] | None:
    reader, writer = await asyncio.open_connection(host, port, limit=MOST_BYTES)
    try:
        writer.write(f"GET /varz HTTP/1.0\r\nHost: {host}\r\n\r\n".encode("ascii"))
        await writer.drain()
        answer = await reader.read(MOST_BYTES)
        while chunk := await reader.read(MOST_BYTES):
            answer += chunk
            if len(answer) > MOST_BYTES:
                return None
    finally:
        writer.close()
    found = json.loads(answer.partition(b"\r\n\r\n")[2])
    return found if isinstance(found, dict) else None
