"""A burst in a process of its own: so many tickets as fast as intake takes them; whoever is told to comes again."""

import asyncio
import json
import sys
import time
from typing import Any

import uvloop

from shared.kit.clock import new_id
from tests.load.http_client import Http
from tests.load.whole_lives import a_key, a_submission

PAUSE = 0.2
NOT_NOW = (429, 503)


async def submit(url: str, token: str, count: int, at_once: int) -> dict[str, Any]:
    """The ids of the tickets, how long it took, and how often one was told to come again."""
    http, ids, refused = Http(url, token), list[str](), 0
    remaining = iter(range(count))

    async def one() -> None:
        nonlocal refused
        for _ in remaining:
            request = http.request("POST", "/v1/tickets", a_submission(new_id().hex), a_key())
            while (reply := await http.send(request)).status in NOT_NOW:
                refused += 1
                await asyncio.sleep(PAUSE)
            assert reply.status == 201, (reply.status, reply.body[:300])
            ids.append(reply.json["id"])

    began = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(at_once)))
    return {"ids": ids, "seconds": time.perf_counter() - began, "refused": refused}


if __name__ == "__main__":
    url, token, count, at_once = sys.argv[1:]
    print(json.dumps(uvloop.run(submit(url, token, int(count), int(at_once)))))
