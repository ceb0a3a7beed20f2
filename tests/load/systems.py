"""A whole system of a checkout, hosted by a process of its own: two of them can be driven side by side."""

import asyncio
import json
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.local.process import inherited_environment
from tests.load.checkouts import Checkout

HOST = Path(__file__).with_name("hosted_system.py")
STARTED_WITHIN = 300.0
STOPPED_WITHIN = 60.0


@dataclass(frozen=True, slots=True)
class HostedSystem:
    """Where everything of a running system is; see `hosted_system`."""

    name: str
    urls: dict[str, str]
    pids: dict[str, int]
    api_key: str
    login: dict[str, str]
    nats_url: str
    temporal_address: str
    database_url: str
    mail_folder: str

    def mails(self) -> int:
        """How many mails have left the house."""
        return sum(entry.name.endswith(".eml") for entry in os.scandir(self.mail_folder))


@asynccontextmanager
async def hosted_system(checkout: Checkout) -> AsyncIterator[HostedSystem]:
    """Starts the checkout's system; nothing is left of it afterwards."""
    process = await asyncio.create_subprocess_exec(
        str(checkout.python),
        "-P",
        str(HOST),
        cwd=checkout.folder,
        env=inherited_environment() | {"PYTHONPATH": str(checkout.folder)},
        stdin=PIPE,
        stdout=PIPE,
        limit=2**20,
    )
    try:
        yield HostedSystem(name=checkout.name, **await _described(process))
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await asyncio.wait_for(process.wait(), STOPPED_WITHIN)


async def _described(process: Process) -> dict[str, Any]:
    """The line that says where everything is; what is printed before it is a part's complaint."""
    assert process.stdout is not None
    said = []
    async with asyncio.timeout(STARTED_WITHIN):
        async for line in process.stdout:
            if line.startswith(b"{"):
                found: dict[str, Any] = json.loads(line)
                return found
            said.append(line.decode(errors="replace"))
    raise RuntimeError(f"the system did not start:\n{''.join(said)[-3000:]}")
