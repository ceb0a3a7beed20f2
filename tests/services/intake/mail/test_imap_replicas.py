"""A mailbox and three mail processes: one fetches, another goes on when it is killed, and each mail is one ticket."""

import asyncio
import json
import signal
from asyncio.subprocess import Process
from contextlib import AsyncExitStack
from pathlib import Path

from deploy.local.engines import Stack
from deploy.local.engines.ports import find_free_port
from services.intake.models import RawMailState
from shared.kit.clock import new_id
from tests.services.intake.mail.mail_process import running
from tests.services.intake.mail.post_office import PostOffice, letter
from tests.support.eventually import eventually
from tests.support.imap_server import ImapServer, StoredMessage

PROMISED_SECONDS = 10
"""Within which another process takes over."""


def leading(replicas: dict[Path, Process], mailbox: str) -> Path:
    """The log of the process that fetches now."""
    (log,) = (log for log in replicas if f"mailbox:{mailbox}" in log.read_text())
    return log


async def test_of_three_processes_one_fetches_and_another_goes_on_when_it_is_killed(
    engines: Stack, post: PostOffice, tmp_path: Path
) -> None:
    imap, mailbox = ImapServer(), f"box-{new_id().hex}"
    await imap.start()
    box = {"name": mailbox, "host": "127.0.0.1", "port": imap.port, "security": "none", "user": imap.user}
    changes = {
        "EVERDESK_MAILBOXES": json.dumps([box | {"password": imap.password, "every_seconds": 1}]),
        "EVERDESK_OUTGOING_ALLOWED_NETWORKS": "127.0.0.0/8",
        "EVERDESK_LOG_LEVEL": "INFO",
    }
    mails = [letter(**{"from": f"p{number}@{mailbox}.example"}) for number in range(16)]
    kept: list[StoredMessage] = []

    def fetched() -> int:
        return sum("\\Seen" in mail.flags for mail in kept)

    ports: set[int] = set()
    while len(ports) < 3:
        ports.add(find_free_port(taken=frozenset(ports)))
    async with AsyncExitStack() as stack:

        async def start(port: int) -> tuple[Path, Process]:
            log = tmp_path / f"mail-{port}.log"
            return log, await stack.enter_async_context(running(engines, post, port, log, **changes))

        replicas = dict(await asyncio.gather(*(start(port) for port in ports)))
        await eventually(lambda: imap.log_ins == 1)
        kept += [imap.put(mail.as_bytes()) for mail in mails[:10]]
        await eventually(lambda: fetched() >= 3, within=30)
        killed = replicas.pop(leading(replicas, mailbox))
        killed.send_signal(signal.SIGKILL)
        await killed.wait()
        kept += [imap.put(mail.as_bytes()) for mail in mails[10:]]
        await eventually(lambda: imap.log_ins == 2, within=PROMISED_SECONDS)
        await eventually(lambda: fetched() == len(mails), within=30)
        rows = [await post.settled(mail, within=30) for mail in mails]
    await imap.stop()
    assert imap.log_ins == 2
    assert {(row.state, row.source) for row in rows} == {(RawMailState.DONE, mailbox)}
    tickets = {row.ticket_id for row in rows if row.ticket_id is not None}
    assert len(tickets) == len(mails)
    assert {len(await post.messages(ticket)) for ticket in tickets} == {1}
