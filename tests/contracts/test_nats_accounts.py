"""The sample accounts for outside readers: they read what they were given, and nothing else."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import nats
import pytest
from nats.aio.client import Client
from nats.errors import TimeoutError as NatsTimeout
from nats.js.api import ConsumerConfig, StreamConfig

from deploy.local.engines import binaries
from shared.contracts.names import STREAM, STREAM_SUBJECTS
from tests.support.eventually import eventually

SAMPLE = Path(__file__).parents[2] / "deploy" / "nats" / "outside-reader.conf"
SECRET = "a-password-only-for-tests"


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    """A server with the sample's accounts."""
    quoted = {"NATS_PASSWORD_QUOTED": f'"{SECRET}"', "WAREHOUSE_PASSWORD_QUOTED": f'"{SECRET}"'}
    store, accounts = json.dumps(str(tmp_path / "store")), SAMPLE.read_text()
    config = tmp_path / "nats.conf"
    config.write_text(f"listen: 127.0.0.1:-1\njetstream {{ store_dir: {store} }}\n{accounts}")
    server = await asyncio.create_subprocess_exec(
        str(binaries.script("nats-server")),
        *("--config", str(config), "--ports_file_dir", str(tmp_path)),
        env={**os.environ, **quoted},
        stderr=asyncio.subprocess.DEVNULL,
    )

    def ports() -> str:
        (file,) = tmp_path.glob("*.ports")
        address: str = json.loads(file.read_text())["nats"][0]
        return address.removeprefix("nats://")

    yield await eventually(ports)
    server.terminate()
    await server.wait()


async def connected(url: str, user: str) -> Client:
    return await nats.connect(f"nats://{user}:{SECRET}@{url}", allow_reconnect=False)


async def test_a_reader_fetches_its_events_and_reaches_nothing_else(url: str) -> None:
    own, reader = await connected(url, "everdesk"), await connected(url, "warehouse")
    js = own.jetstream()
    await js.add_stream(StreamConfig(name=STREAM, subjects=list(STREAM_SUBJECTS)))
    await js.add_consumer(STREAM, ConsumerConfig(durable_name="warehouse", filter_subject="everdesk.ticket.*.v1.*"))
    await js.publish("everdesk.note.added.v1.1", b"for agents")
    await js.publish("everdesk.ticket.opened.v1.1", b"an event")

    read = await reader.jetstream().pull_subscribe_bind("warehouse", STREAM)
    (message,) = await read.fetch(1, timeout=5)
    assert (message.subject, message.data) == ("everdesk.ticket.opened.v1.1", b"an event")
    await message.ack()

    async def acknowledged() -> bool:
        pending: int | None = (await js.consumer_info(STREAM, "warehouse")).num_ack_pending
        return pending == 0

    await eventually(acknowledged)
    heard = await reader.subscribe("everdesk.>")
    await reader.publish("everdesk.ticket.closed.v1.1", b"forged")
    await reader.flush()
    await js.publish("everdesk.ticket.closed.v1.2", b"true")
    with pytest.raises(NatsTimeout):
        assert (await heard.next_msg(timeout=0.3)).data == b"forged", "its own account is all that it hears"
        await heard.next_msg(timeout=0.3)
    assert (await js.stream_info(STREAM)).state.messages == 3
    for subject in ("$JS.API.STREAM.INFO.EVERDESK", "$JS.API.CONSUMER.DURABLE.CREATE.EVERDESK.mine"):
        answer = json.loads((await reader.request(subject, b"", timeout=2)).data)
        assert answer["error"]["code"] in (404, 503), answer
    await reader.close()
    await own.close()
