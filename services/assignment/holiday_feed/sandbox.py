"""Parses feeds in a subprocess with limits on time and memory."""

import asyncio

from pydantic import TypeAdapter

from services.assignment.holiday_feed.findings import FeedFindings, FeedRequest, UnreadableFeed
from shared.kit.subprocess_runner import run_module
from shared.kit.telemetry import log

WITHIN_SECONDS = 20.0
AT_ONCE = 2
"""Reading processes at the same time; more wait."""
REFUSED = 3
"""Exit status of a reader that says, in words, why it refuses."""

_FINDINGS = TypeAdapter(FeedFindings)


class FeedReader:
    """Parses iCalendar files into holidays."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(AT_ONCE)

    async def read(self, raw: bytes, question: FeedRequest) -> FeedFindings:
        """Returns the findings for a file. Raises UnreadableFeed."""
        given = question.model_dump_json().encode() + b"\n" + raw
        try:
            async with self._places:
                status, out, err = await run_module("services.assignment.holiday_feed", given, WITHIN_SECONDS)
        except TimeoutError:
            raise UnreadableFeed(f"this file takes longer than {WITHIN_SECONDS:g} s to read") from None
        if status == 0:
            return _FINDINGS.validate_json(out)
        if status == REFUSED:
            raise UnreadableFeed(out.decode())
        log.warning("holiday_feed.reader_died", status=status, stderr=err[-2000:].decode(errors="replace"))
        raise UnreadableFeed("this file cannot be read: it is broken, or too much work for a list of holidays")
