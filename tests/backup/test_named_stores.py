"""Engines elsewhere, named by the environment: saved, found out when changed, and restored over what is there."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import nats
import pytest
from typer.testing import CliRunner

from deploy.cli.app import build_app
from deploy.local.engines import Stack, stack
from deploy.local.engines.postgres import SUPERUSER
from deploy.local.engines.stack import EngineName
from deploy.local.plan import SERVICES
from shared.contracts.names import STREAM, STREAM_SUBJECTS
from tests.support.memory_disk import data_folder

NATS_ONLY: tuple[EngineName, ...] = ("nats",)
TABLES = """
create table outbox (id bigint primary key);
create table alembic_version (version_num varchar(32));
create table kept (words text);
insert into alembic_version values ('0001');
insert into kept values ('of the back-up');
"""


@dataclass
class NamedInstallation:
    """Small databases, a stream and a folder of files."""

    urls: dict[str, str]
    nats_url: str
    files: Path

    async def everdesk(self, *arguments: str, **more: str) -> tuple[int, str]:
        named = {f"EVERDESK_BACKUP_{name.upper()}_URL": url for name, url in self.urls.items() if name in SERVICES}
        environment = named | {
            "EVERDESK_BACKUP_TEMPORAL_URLS": self.urls["temporal"],
            "EVERDESK_BACKUP_FILES": str(self.files),
            "EVERDESK_NATS_URL": self.nats_url,
            **more,
        }
        done = await asyncio.to_thread(CliRunner().invoke, build_app(), ["backup", *arguments], env=environment)
        return done.exit_code, " ".join(done.output.split())

    async def change(self, statement: str) -> list[str]:
        """Does the same in every database; returns the first column of what each answers."""
        answers = []
        for url in self.urls.values():
            connection = await asyncpg.connect(url)
            answers += [str(row[0]) for row in await connection.fetch(statement)]
            await connection.close()
        return answers


@pytest.fixture
async def named(
    engines: Stack, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[NamedInstallation]:
    admin = await asyncpg.connect(engines.postgres.url(SUPERUSER, driver="postgresql"))
    databases = {name: f"named_{name}" for name in (*SERVICES, "temporal")}
    urls = {}
    for name, database in databases.items():
        owner = name if name in SERVICES else "intake"
        await admin.execute(f"create database {database} owner {owner}")
        urls[name] = engines.postgres.url(owner, database, driver="postgresql")
        connection = await asyncpg.connect(urls[name])
        await connection.execute(TABLES)
        await connection.close()
    with data_folder(tmp_path_factory, "named") as folder:
        async with stack(folder, only=NATS_ONLY, databases=()) as own:
            yield NamedInstallation(urls, own.nats.url, tmp_path / "files")
    for database in databases.values():
        await admin.execute(f"drop database {database} with (force)")
    await admin.close()


async def test_named_stores_are_saved_and_restored(named: NamedInstallation, tmp_path: Path) -> None:
    folder, content = tmp_path / "saved", named.files / "sha256" / "ab" / "abc"
    content.parent.mkdir(parents=True)
    content.write_text("a file")
    client = await nats.connect(named.nats_url)
    js = client.jetstream()
    await js.add_stream(name=STREAM, subjects=list(STREAM_SUBJECTS))
    for number in range(3):
        await js.publish("everdesk.ticket.opened.v1.x", b"%d" % number, headers={"Nats-Msg-Id": str(number)})
    reader = await js.pull_subscribe("everdesk.ticket.opened.v1.*", durable="reader")
    for message in await reader.fetch(2):
        await message.ack_sync()

    status, said = await named.everdesk("create", str(folder))
    assert status == 0, said
    assert "Not in it: secrets" in said
    status, said = await named.everdesk("create", str(folder))
    assert (status, "is not empty" in said) == (1, True), said
    status, said = await named.everdesk("verify", str(folder))
    assert status == 0, said

    status, said = await named.everdesk("restore", str(folder))
    assert (status, "Not empty" in said) == (1, True), said
    running = named.nats_url.replace("nats://", "http://")
    status, said = await named.everdesk("restore", str(folder), "--force", EVERDESK_PROCESS_URLS=f"intake={running}")
    assert (status, "Stop them first" in said) == (1, True), said
    await named.change("update kept set words = 'since' returning words")
    await named.change("create table since (id bigint)")
    await js.publish("everdesk.ticket.opened.v1.x", b"since")
    content.unlink()
    status, said = await named.everdesk("restore", str(folder), "--force")
    assert status == 0, said
    assert set(await named.change("select words from kept")) == {"of the back-up"}
    assert set(await named.change("select to_regclass('since')::text")) == {"None"}
    assert content.read_text() == "a file"
    info = await js.stream_info(STREAM)
    assert (info.state.messages, info.state.last_seq) == (3, 3)
    reader = await js.pull_subscribe("everdesk.ticket.opened.v1.*", durable="reader")
    assert [message.data for message in await reader.fetch(1)] == [b"2"]
    await client.close()

    (folder / "databases" / "intake.dump").write_bytes(b"changed")
    status, said = await named.everdesk("verify", str(folder))
    assert (status, "databases/intake.dump: was changed" in said) == (1, True), said
    status, said = await named.everdesk("restore", str(folder), "--force")
    assert status == 1, said
    assert set(await named.change("select words from kept")) == {"of the back-up"}
