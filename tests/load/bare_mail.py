"""`python -m tests.load.bare_mail <smtp port> <mails> <connections> <file>`: aiosmtplib alone.

It hands over what the file holds so many times, and prints the seconds that took, and the CPU seconds of it. It is a
process of its own with the priority that notification gives itself, so that the processors treat both alike.
"""

import asyncio
import sys
import time
from pathlib import Path

import aiosmtplib

from deploy.local.plan import MAIL_FROM
from shared.kit.priority import lower_priority
from shared.kit.processes import IN_THE_BACKGROUND

SENDER = MAIL_FROM.partition("<")[2].rstrip(">")


async def send(message: bytes, port: int, count: int, connections: int) -> float:
    """Returns the seconds that so many mails take over so many connections."""
    numbers = iter(range(count))

    async def line() -> None:
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False, timeout=60) as client:
            for number in numbers:
                await client.sendmail(SENDER, [f"ruth-{number}@bank.example"], message)

    started = time.perf_counter()
    await asyncio.gather(*(line() for _ in range(connections)))
    return time.perf_counter() - started


if __name__ == "__main__":
    lower_priority(IN_THE_BACKGROUND)
    before = time.process_time()
    print(asyncio.run(send(Path(sys.argv[4]).read_bytes(), *map(int, sys.argv[1:4]))), time.process_time() - before)
