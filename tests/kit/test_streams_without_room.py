"""A NATS that has less room than it had: the streams that it holds go on working."""

import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

import nats
import pytest
from nats.js import JetStreamContext

from deploy.local import probe
from deploy.local.engines import binaries
from deploy.local.engines.ports import LOOPBACK, find_free_port
from shared.contracts.names import STREAM
from shared.kit.bus.streams import StreamRefusedError, ensure_streams
from shared.kit.settings import ServiceSettings

MEGABYTE = 1024**2


@contextmanager
def serving(folder: Path, room: str) -> Iterator[int]:
    """A server of its own, which may reserve so much."""
    port = find_free_port()
    config = folder / "nats.conf"
    config.write_text(
        f'listen: "{LOOPBACK}:{port}"\njetstream {{ store_dir: "{folder / "store"}", max_file_store: {room} }}\n'
    )
    server = subprocess.Popen([str(binaries.script("nats-server")), "--config", str(config)], stderr=subprocess.DEVNULL)
    try:
        yield port
    finally:
        server.terminate()
        server.wait()


@asynccontextmanager
async def connected(folder: Path, room: str) -> AsyncIterator[JetStreamContext]:
    with serving(folder, room) as port:
        await probe.until(partial(probe.accepts, LOOPBACK, port), within=20, what="NATS")
        client = await nats.connect(f"nats://{LOOPBACK}:{port}")
        try:
            yield client.jetstream()
        finally:
            await client.close()


async def test_streams_go_on_where_there_is_less_room_than_when_they_were_made(
    kit_settings: ServiceSettings, tmp_path: Path
) -> None:
    settings = kit_settings.model_copy(update={"stream_max_bytes": 512 * MEGABYTE})
    async with connected(tmp_path, "1GB") as js:
        assert await ensure_streams(js, settings)
        await js.publish("everdesk.topic.changed.v1.one", b"one")
    async with connected(tmp_path, "100MB") as js:
        assert not await ensure_streams(js, settings)
        await js.publish("everdesk.topic.changed.v1.one", b"two")
        assert (await js.stream_info(STREAM)).state.messages == 2


async def test_a_new_stream_without_any_room_is_refused_in_words(kit_settings: ServiceSettings, tmp_path: Path) -> None:
    async with connected(tmp_path, "8MB") as js:
        with pytest.raises(StreamRefusedError, match="no room for the stream"):
            await ensure_streams(js, kit_settings)
