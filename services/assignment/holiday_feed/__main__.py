"""The parser subprocess: request and file on standard input, findings on standard output."""

import resource
import sys
from contextlib import suppress

from services.assignment.holiday_feed.findings import FeedRequest, UnreadableFeed
from services.assignment.holiday_feed.reading import read_feed
from services.assignment.holiday_feed.sandbox import REFUSED

CPU_SECONDS = 10
MEMORY_BYTES = 768 * 1024 * 1024


def main() -> int:
    """Parses one file."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    with suppress(ValueError):  # not every system can limit an address space
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    question = FeedRequest.model_validate_json(sys.stdin.buffer.readline())
    try:
        sys.stdout.write(read_feed(sys.stdin.buffer.read(), question).model_dump_json())
    except UnreadableFeed as refusal:
        sys.stdout.write(str(refusal))
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())
