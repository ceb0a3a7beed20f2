"""Recently acknowledged messages, compared with the stream after it was restored or failed over."""

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Sequence

from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from shared.contracts.names import STREAM
from shared.kit.bus.bus_message import BusMessage
from shared.kit.telemetry import log

KEPT_SECONDS = 600.0
"""Longer than a server waits with fsync: two minutes, unless it is told otherwise."""
KEPT_BYTES = 16 * 1024**2
PAGE = 400
"""More than one batch, so that a page without a loss is older than any step back."""
AT_ONCE = 50
NOT_IN_STREAM = 2**63 - 1
"""In place of the sequence of a message that no stream has acknowledged; no stream ever gets so far."""


class RecentPublishes:
    """Recent messages of a publisher without an outbox; in memory, bounded."""

    def __init__(self) -> None:
        self._kept: deque[tuple[float, int, BusMessage]] = deque()
        self._bytes = 0
        self._dropped = 0
        """The furthest place in the stream of a message that is not kept any more."""

    def keep(self, acknowledged: Iterable[tuple[int, BusMessage]]) -> None:
        """Adds messages with their sequences; drops the oldest beyond age and size limits."""
        now = time.monotonic()
        for sequence, message in acknowledged:
            self._kept.append((now, sequence, message))
            self._bytes += len(message.payload)
        while self._kept and (self._bytes > KEPT_BYTES or self._kept[0][0] < now - KEPT_SECONDS):
            _, sequence, message = self._kept.popleft()
            self._bytes -= len(message.payload)
            self._dropped = max(self._dropped, sequence if sequence != NOT_IN_STREAM else 0)

    async def take_lost(self, js: JetStreamContext) -> list[BusMessage]:
        """Removes and returns messages the stream lost, oldest first."""
        last = (await js.stream_info(STREAM)).state.last_seq
        if last < self._dropped:
            log.error("bus.lost_for_good", stream_ends_at=last, published_up_to=self._dropped)
            self._dropped = last
        by_sequence = sorted(self._kept, key=lambda kept: kept[1], reverse=True)
        lost: set[int] = set()
        for start in range(0, len(by_sequence), PAGE):
            page = by_sequence[start : start + PAGE]
            missing = await missing_from_stream(js, [(sequence, message.id) for _, sequence, message in page])
            if not missing:
                break
            lost |= {id(page[position]) for position in missing}
        taken = [kept for kept in self._kept if id(kept) in lost]
        self._kept = deque(kept for kept in self._kept if id(kept) not in lost)
        self._bytes = sum(len(message.payload) for _, _, message in self._kept)
        return [message for _, _, message in taken]


async def missing_from_stream(js: JetStreamContext, acknowledged: Sequence[tuple[int, str]]) -> list[int]:
    """Returns the positions of those (sequence, id) that the stream acknowledged and lost.

    An empty sequence below the stream's last one was erased on purpose and is not missing.
    """
    if not acknowledged:
        return []
    last = (await js.stream_info(STREAM)).state.last_seq
    missing: list[int] = []
    for start in range(0, len(acknowledged), AT_ONCE):
        some = acknowledged[start : start + AT_ONCE]
        held = await asyncio.gather(*(_holds(js, last, sequence, message_id) for sequence, message_id in some))
        missing += [start + position for position, is_held in enumerate(held) if not is_held]
    return missing


async def _holds(js: JetStreamContext, last: int, sequence: int, message_id: str) -> bool:
    if sequence > last:
        return False
    try:
        message = await js.get_msg(STREAM, seq=sequence)
    except NotFoundError:
        return True
    return (message.headers or {}).get("Nats-Msg-Id") == message_id
