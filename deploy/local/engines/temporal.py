"""The Temporal dev server with a durable SQLite file, our search attributes and a long retention."""

import asyncio
import sqlite3
from contextlib import closing
from http import HTTPStatus
from pathlib import Path

from deploy.local import probe, process
from deploy.local.engines import binaries
from deploy.local.engines.go_runtime import RARE_GARBAGE_COLLECTION, TIMER_SLACK
from deploy.local.engines.ports import LOOPBACK
from deploy.local.process import Launch, inherited_environment

NAMESPACE = "default"
# Longer than the event stream keeps a message (30 days): a late redelivery must find the closed workflow.
RETENTION = "45d"
# Polling the three others of the server's default costs most of what it uses while nothing happens.
ONE_PARTITION = ("matching.numTaskqueueReadPartitions=1", "matching.numTaskqueueWritePartitions=1")
WAITING_ELSEWHERE = "select exists (select 1 from tasks where instr(task_queue_id, x'2f5f7379732f'))"
"""Whether a task waits in a partition other than the first: the names of those begin with `/_sys/`."""
SEARCH_ATTRIBUTES = ("EverdeskStatus", "EverdeskTeam", "EverdeskAssignee", "EverdeskPriority")


class Temporal:
    name = "temporal"

    def __init__(self, state: Path, *, port: int, ui_port: int | None = None) -> None:
        self.state = state / "temporal"
        self.port = port
        self.ui_port = ui_port
        self._has_one_partition = True

    @property
    def ports(self) -> dict[str, int]:
        ports = {"temporal": self.port}
        return ports if self.ui_port is None else {**ports, "temporal_ui": self.ui_port}

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @property
    def namespace(self) -> str:
        return NAMESPACE

    async def prepare(self) -> None:
        """Task queues get one partition, unless a task waits in another, where it would never be polled.

        Such a state is from a version that had four; they are polled until a start finds nothing there.
        """
        self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._has_one_partition = not await asyncio.to_thread(_waits_elsewhere, self._database)

    def launch(self) -> Launch:
        command = [
            *(str(binaries.script("temporal")), "server", "start-dev", *_NO_PROFILE),
            *("--ip", LOOPBACK, "--port", str(self.port)),
            *("--db-filename", str(self._database)),
            *("--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=1"),
            *("--log-level", "error"),
        ]
        if self._has_one_partition:
            for setting in ONE_PARTITION:
                command += ["--dynamic-config-value", setting]
        for attribute in SEARCH_ATTRIBUTES:
            command += ["--search-attribute", f"{attribute}=Keyword"]
        if self.ui_port is None:
            command += ["--headless"]
        else:
            command += ["--ui-port", str(self.ui_port), "--ui-disable-news-fetch"]
        environment = inherited_environment() | RARE_GARBAGE_COLLECTION
        return Launch(tuple(command), cwd=self.state, env=environment, timer_slack=TIMER_SLACK)

    async def wait_ready(self, within: float) -> None:
        async def listening() -> bool:
            return await probe.accepts(LOOPBACK, self.port)

        loop = asyncio.get_running_loop()
        deadline = loop.time() + within
        await probe.until(listening, within=within, what="Temporal")
        await probe.until(self._keep_history, within=deadline - loop.time(), what="Temporal's namespace")

    async def answers(self) -> bool:
        """Asked over its page for people, whose server passes the question on to the frontend and its store."""
        if self.ui_port is None:
            return await probe.accepts(LOOPBACK, self.port)
        return await probe.http_status(LOOPBACK, self.ui_port, f"/api/v1/namespaces/{NAMESPACE}") == HTTPStatus.OK

    @property
    def _database(self) -> Path:
        return self.state / "temporal.db"

    async def _keep_history(self) -> bool:
        """The server gives its namespace one day of retention at first start; no flag changes that."""
        command = (
            *(str(binaries.script("temporal")), "operator", "namespace", "update", *_NO_PROFILE),
            *("--address", self.address, "--namespace", NAMESPACE, "--retention", RETENTION),
            *("--command-timeout", "5s"),
        )
        status, _ = await process.run(Launch(command, self.state, inherited_environment()))
        return status == 0


def _waits_elsewhere(database: Path) -> bool:
    if not database.exists():
        return False
    with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        try:
            return bool(connection.execute(WAITING_ELSEWHERE).fetchone()[0])
        except sqlite3.DatabaseError:  # without the table, or not to be read: the server says what is wrong
            return True


# A profile in the user's home or TEMPORAL_* in the shell must not point us at another server.
_NO_PROFILE = ("--disable-config-file", "--disable-config-env")
