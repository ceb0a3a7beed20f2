"""The mail process as a process of its own, which can be killed."""

import asyncio
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from deploy.local import process
from deploy.local.engines import Stack
from deploy.local.plan import CHECKOUT
from deploy.local.process import inherited_environment
from deploy.local.service_spec import python
from tests.services.intake.mail.post_office import PostOffice
from tests.support.eventually import eventually
from tests.support.settings import common_environment


@asynccontextmanager
async def running(engines: Stack, post: PostOffice, port: int, log: Path, **changes: str) -> AsyncIterator[Process]:
    """The mail process, as the supervisor starts it, with environment changed; killed at the end as by a power cut."""
    environment = common_environment(engines) | {
        "EVERDESK_DATABASE_URL": engines.postgres.url("intake"),
        "EVERDESK_STORAGE_URL": post.settings.storage_url,
        "EVERDESK_MAIL_IN_PORT": str(port),
        "EVERDESK_PORT": "0",
        "EVERDESK_MAIL_PER_SENDER_PER_HOUR": "100000",
        "EVERDESK_MAIL_PACE_SECONDS": "0",
    }
    launch = python("services.intake.main", "mail", cwd=CHECKOUT, env=inherited_environment() | environment | changes)
    with log.open("ab") as output:
        child = await process.spawn(launch, output=output)

    async def listens() -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()

    try:
        await eventually(listens, within=30)
        yield child
    finally:
        with suppress(ProcessLookupError):
            child.send_signal(signal.SIGKILL)
        await child.wait()
