"""The yardstick for notifications: so many mails of one size handed to a server, over as many connections as given."""

import asyncio
import json
import sys
import time
from email.message import EmailMessage

import aiosmtplib

from shared.kit.clock import new_id
from tests.load.whole_lives import BODY

HOST = "127.0.0.1"


async def send(port: int, count: int, at_once: int) -> dict[str, float]:
    """Seconds and CPU seconds of it; connections are kept."""
    remaining = iter(range(count))
    began, spent = time.perf_counter(), time.process_time()

    async def one() -> None:
        async with aiosmtplib.SMTP(hostname=HOST, port=port, start_tls=False) as client:
            for _ in remaining:
                mail = EmailMessage()
                mail["From"], mail["To"] = "support@everdesk.example", f"{new_id().hex}@customer.example"
                mail["Subject"], mail["Message-ID"] = "We have received your request", f"<{new_id()}@bench.example>"
                mail.set_content(BODY)
                await client.send_message(mail)

    await asyncio.gather(*(one() for _ in range(at_once)))
    return {"seconds": time.perf_counter() - began, "cpu": time.process_time() - spent}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(send(*map(int, sys.argv[1:4])))))
