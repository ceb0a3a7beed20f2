"""The engines keep what they were given, whatever kills them."""

import asyncio
import sqlite3
import stat
from collections.abc import AsyncIterator
from contextlib import closing
from ipaddress import ip_address
from pathlib import Path

import asyncpg
import nats
import psutil
import pytest
import pytest_asyncio
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from deploy.local import engines
from deploy.local.engines.temporal import ONE_PARTITION, SEARCH_ATTRIBUTES, Temporal
from tests.support.eventually import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[engines.Stack]:
    async with engines.stack(tmp_path_factory.mktemp("engines")) as running:
        yield running


async def _connect(stack: engines.Stack, role: str, database: str | None = None) -> asyncpg.Connection:
    return await asyncpg.connect(stack.postgres.url(role, database, driver="postgresql"))


async def test_postgres_keeps_committed_rows_over_kill_9_on_the_same_port(stack: engines.Stack) -> None:
    before = await _connect(stack, "intake")
    await before.execute("CREATE TABLE kept (word text); INSERT INTO kept VALUES ('durable')")
    await stack.kill("postgres")
    await stack.start("postgres")
    after = await _connect(stack, "intake")
    assert await after.fetchval("SELECT word FROM kept") == "durable"
    await after.close()


async def test_postgres_starts_although_its_old_pid_belongs_to_another_process(stack: engines.Stack) -> None:
    await stack.kill("postgres")
    lock = stack.postgres.place.data / "postmaster.pid"
    lines = lock.read_text().splitlines()
    lock.write_text("\n".join([str(stack.pid("nats")), *lines[1:]]) + "\n")
    await stack.start("postgres")
    await (await _connect(stack, "intake")).close()


async def test_every_engine_listens_on_the_loopback_alone(stack: engines.Stack) -> None:
    for engine in ("postgres", "nats", "temporal"):
        process = psutil.Process(stack.pid(engine))
        sockets = [one for each in (process, *process.children()) for one in each.net_connections("inet")]
        heard = {one.laddr.ip for one in sockets if one.status == psutil.CONN_LISTEN}
        assert heard, engine
        assert all(ip_address(ip).is_loopback for ip in heard), f"{engine}: {heard}"


async def test_a_role_cannot_enter_another_services_database(stack: engines.Stack) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await _connect(stack, "intake", "assignment")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await _connect(stack, "intake", "postgres")


async def test_a_role_may_make_the_extensions_the_search_needs(stack: engines.Stack) -> None:
    connection = await _connect(stack, "assignment")
    await connection.execute("CREATE EXTENSION pg_trgm; CREATE EXTENSION citext")
    await connection.close()


async def test_nats_keeps_messages_over_kill_9(stack: engines.Stack) -> None:
    client = await nats.connect(stack.nats.url)
    await client.jetstream().add_stream(name="KEPT", subjects=["kept.>"])
    await client.jetstream().publish("kept.one", b"durable")
    await client.close()
    await stack.kill("nats")
    await stack.start("nats")
    client = await nats.connect(stack.nats.url)
    message = await client.jetstream().get_msg("KEPT", 1)
    assert message.data == b"durable"
    await client.close()


async def test_nats_refuses_strangers(stack: engines.Stack) -> None:
    with pytest.raises(nats.errors.Error, match=r"(?i)authorization"):
        await nats.connect(f"nats://127.0.0.1:{stack.nats.port}", allow_reconnect=False)


async def test_the_nats_configuration_is_private(stack: engines.Stack) -> None:
    config = stack.nats.state / "nats.conf"
    assert await asyncio.to_thread(_mode, config) == 0o600


async def test_temporal_has_search_attributes_and_a_retention_over_30_days(stack: engines.Stack) -> None:
    client = await Client.connect(stack.temporal.address)
    namespace = await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace="default"))
    assert namespace.config.workflow_execution_retention_ttl.seconds > 30 * 86_400
    listed = await client.operator_service.list_search_attributes(ListSearchAttributesRequest(namespace="default"))
    kinds = {listed.custom_attributes[name] for name in SEARCH_ATTRIBUTES}
    assert kinds == {IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD}


async def test_temporal_keeps_workflows_over_kill_9_and_an_orderly_stop(stack: engines.Stack) -> None:
    client = await Client.connect(stack.temporal.address)
    await client.start_workflow("Waits", id="kept", task_queue="nobody")
    await stack.kill("temporal")
    await stack.start("temporal")
    await stack.stop("temporal")
    await stack.start("temporal")
    client = await Client.connect(stack.temporal.address)
    assert (await client.get_workflow_handle("kept").describe()).id == "kept"


async def test_a_second_start_of_a_running_engine_changes_nothing(stack: engines.Stack) -> None:
    before = stack.pid("nats")
    await stack.start("nats")
    assert stack.pid("nats") == before


async def test_the_state_folder_is_closed_to_others(stack: engines.Stack) -> None:
    data: Path = stack.postgres.place.data
    assert await asyncio.to_thread(_mode, data) == 0o700


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


async def test_task_queues_have_one_partition(stack: engines.Stack) -> None:
    client = await Client.connect(stack.temporal.address)
    for number in range(8):
        await client.start_workflow("Waits", id=f"waits-{number}", task_queue="nobody-polls")
    waiting = await eventually(lambda: asyncio.to_thread(_waiting, stack.temporal.state, b"nobody-polls"))
    assert not [name for name in waiting if b"/_sys/" in name]


async def test_a_task_that_waits_in_another_partition_keeps_the_partitions_polled(tmp_path: Path) -> None:
    temporal = Temporal(tmp_path, port=1)
    temporal.state.mkdir()
    with closing(sqlite3.connect(temporal.state / "temporal.db")) as database:
        database.execute("create table tasks (task_queue_id blob)")
        database.execute("insert into tasks values (x'01a22f5f7379732f712f3101')")
        database.commit()
        await temporal.prepare()
        assert not {*ONE_PARTITION} & {*temporal.launch().command}
        database.execute("delete from tasks")
        database.commit()
    await temporal.prepare()
    assert {*ONE_PARTITION} <= {*temporal.launch().command}


def _waiting(state: Path, queue: bytes) -> list[bytes]:
    """The partitions in which tasks of a queue wait, one for each task; empty until there are eight."""
    with closing(sqlite3.connect(f"{(state / 'temporal.db').as_uri()}?mode=ro", uri=True)) as database:
        found = [bytes(name) for (name,) in database.execute("select task_queue_id from tasks")]
    waiting = [name for name in found if queue in name]
    return waiting if len(waiting) == 8 else []
