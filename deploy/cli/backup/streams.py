"""A stream into a file and back, by JetStream's own snapshots: messages with their numbers, and consumers.

nats-py has no call for these; this is the protocol of `nats stream backup` and `nats stream restore`.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nats
import nats.errors
from nats.aio.client import Client

from deploy.cli.backup.manifest import SavedStream
from deploy.cli.errors import CliError
from shared.contracts.names import DEAD_STREAM, STREAM

SAVED = (STREAM, DEAD_STREAM)
ANSWERS_WITHIN = 10.0
CHUNK_WITHIN = 60.0
CHUNK = 128 * 1024
NOT_FOUND = 10059
NO_CONTENT = "204"


@asynccontextmanager
async def nats_at(url: str) -> AsyncIterator[Client]:
    """A connection for as long as the block lasts. Raises CliError if NATS does not answer."""
    try:
        client = await nats.connect(url, connect_timeout=5, allow_reconnect=False, name="everdesk-backup")
    except (nats.errors.Error, OSError, TimeoutError) as problem:
        raise CliError(f"NATS does not answer: {problem!r}") from None
    try:
        yield client
    except (nats.errors.Error, OSError, TimeoutError) as problem:
        raise CliError(f"NATS refused or broke off: {problem!r}") from None
    finally:
        await client.close()


async def save_stream(client: Client, name: str, folder: Path) -> SavedStream | None:
    """Writes a stream's snapshot; None if there is no such stream."""
    inbox = client.new_inbox()
    chunks = await client.subscribe(inbox)
    asked = {"deliver_subject": inbox, "no_consumers": False, "chunk_size": CHUNK}
    answer = await _ask(client, f"STREAM.SNAPSHOT.{name}", asked)
    if answer.get("error", {}).get("err_code") == NOT_FOUND:
        return None
    _check(answer, f"to save {name}")
    target = folder / f"{name}.snapshot"
    with target.open("wb") as file:
        target.chmod(0o600)
        while True:
            message = await chunks.next_msg(timeout=CHUNK_WITHIN)
            if not message.data:
                break
            file.write(message.data)
            if message.reply:
                await message.respond(b"")
    status = (message.headers or {}).get("Status", NO_CONTENT)
    if status != NO_CONTENT:
        raise CliError(f"NATS broke off saving {name}: {status} {(message.headers or {}).get('Description', '')}")
    await chunks.unsubscribe()
    state = answer["state"]
    return SavedStream(
        file=f"{folder.name}/{target.name}",
        config=answer["config"],
        state=state,
        messages=state.get("messages", 0),
        last_sequence=state.get("last_seq", 0),
    )


async def restore_stream(client: Client, name: str, saved: SavedStream, source: Path) -> None:
    """Makes a stream again as it was saved. Raises CliError, also if there is one of that name."""
    answer = await _ask(client, f"STREAM.RESTORE.{name}", {"config": saved.config, "state": saved.state})
    _check(answer, f"to restore {name}")
    to = answer["deliver_subject"]
    with source.open("rb") as file:
        while chunk := file.read(CHUNK):
            _check(_content(await client.request(to, chunk, timeout=CHUNK_WITHIN)), f"to restore {name}")
    _check(_content(await client.request(to, b"", timeout=CHUNK_WITHIN)), f"to restore {name}")


async def existing_streams(client: Client) -> list[str]:
    """Which of ours are there."""
    answers = {name: await _ask(client, f"STREAM.INFO.{name}", {}) for name in SAVED}
    return [name for name, answer in answers.items() if "error" not in answer]


async def delete_stream(client: Client, name: str) -> None:
    """Removes a stream with its messages and consumers."""
    _check(await _ask(client, f"STREAM.DELETE.{name}", {}), f"to delete {name}")


async def _ask(client: Client, subject: str, asked: dict[str, Any]) -> dict[str, Any]:
    content = json.dumps(asked).encode() if asked else b""
    return _content(await client.request(f"$JS.API.{subject}", content, timeout=ANSWERS_WITHIN))


def _content(message: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(message.data) if message.data else {}
    return found


def _check(answer: dict[str, Any], what: str) -> None:
    if "error" in answer:
        raise CliError(f"NATS refused {what}: {answer['error'].get('description', answer['error'])}")
