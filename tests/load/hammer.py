"""The load of the accept benchmark, in a process of its own: so many connections for so many seconds."""

import asyncio
import json
import sys
import time
from statistics import median, quantiles
from typing import Any

import uvloop

from shared.kit.clock import new_id
from tests.load.http_client import Http
from tests.load.whole_lives import a_submission


async def hammer(url: str, path: str, token: str, at_once: int, seconds: float, kind: str) -> dict[str, Any]:
    """What was accepted, and how long each request took."""
    http = Http(url, token)
    latencies: list[float] = []
    refused: dict[int, int] = {}
    deadline = time.perf_counter() + seconds

    async def one() -> None:
        while (started := time.perf_counter()) < deadline:
            key = {"Idempotency-Key": new_id().hex} if kind == "keyed" else None
            body = a_submission(f"ana-{new_id().hex[-6:]}")
            if kind == "bare":
                body = {name: body[name] for name in ("subject", "body")}
            reply = await http.send(http.request("POST", path, body, key))
            if reply.status == 201:
                latencies.append(time.perf_counter() - started)
            else:
                refused[reply.status] = refused.get(reply.status, 0) + 1

    begun = time.perf_counter()
    await asyncio.gather(*(one() for _ in range(at_once)))
    took = time.perf_counter() - begun
    return {
        "accepted": len(latencies),
        "refused": refused,
        "rate": len(latencies) / took,
        "p50_ms": median(latencies) * 1000 if latencies else 0,
        "p99_ms": quantiles(latencies, n=100)[98] * 1000 if len(latencies) > 100 else 0,
    }


if __name__ == "__main__":
    url, path, token, at_once, seconds, kind = sys.argv[1:]
    print(json.dumps(uvloop.run(hammer(url, path, token, int(at_once), float(seconds), kind))))
