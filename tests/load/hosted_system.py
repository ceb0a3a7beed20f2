"""Run as a script by the interpreter of any checkout: starts its whole system, stops it at end of input.

It uses only what the checkouts have in common. Statements are counted by PostgreSQL's own module in each of them alike.
"""

import asyncio
import json
import sys
from typing import Any

from deploy.local.engines import postgres
from tests.load.system import EVERYTHING, System, system

postgres.SETTINGS.update({"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track": "top"})


def description(started: System) -> dict[str, Any]:
    """What the driver must know."""
    environment = started.environment("worker")
    password = started.secrets.database_passwords["postgres"]
    return {
        "urls": dict(started.urls),
        "pids": dict(started.pids),
        "api_key": started.secrets.api_key,
        "login": started.login,
        "nats_url": environment["EVERDESK_NATS_URL"],
        "temporal_address": environment["EVERDESK_TEMPORAL_ADDRESS"],
        "database_url": f"postgresql://postgres:{password}@127.0.0.1:{started.ports['postgres']}",
        "mail_folder": str(started.settings.home / "mail"),
    }


async def main() -> None:
    """Says where everything is in one line, and waits."""
    async with system(*EVERYTHING) as started:
        print(json.dumps(description(started)), flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
