"""The Temporal dev server with a durable SQLite file, our search attributes and a long retention."""

import asyncio
from http import HTTPStatus
from pathlib import Path

from deploy.local import probe, process
from deploy.local.engines import binaries
from deploy.local.engines.garbage_collection import RARE_GARBAGE_COLLECTION
from deploy.local.engines.ports import LOOPBACK
from deploy.local.process import Launch, inherited_environment

NAMESPACE = "default"
# Longer than the event stream keeps a message (30 days): a late redelivery must find the closed workflow.
RETENTION = "45d"
SEARCH_ATTRIBUTES = ("EverdeskStatus", "EverdeskTeam", "EverdeskAssignee", "EverdeskPriority")


class Temporal:
    name = "temporal"

    def __init__(self, state: Path, *, port: int, ui_port: int | None = None) -> None:
        self.state = state / "temporal"
        self.port = port
        self.ui_port = ui_port

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
        self.state.mkdir(mode=0o700, parents=True, exist_ok=True)

    def launch(self) -> Launch:
        command = [
            *(str(binaries.script("temporal")), "server", "start-dev", *_NO_PROFILE),
            *("--ip", LOOPBACK, "--port", str(self.port)),
            *("--db-filename", str(self.state / "temporal.db")),
            *("--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=1"),
            *("--log-level", "error"),
        ]
        for attribute in SEARCH_ATTRIBUTES:
            command += ["--search-attribute", f"{attribute}=Keyword"]
        if self.ui_port is None:
            command += ["--headless"]
        else:
            command += ["--ui-port", str(self.ui_port), "--ui-disable-news-fetch"]
        return Launch(tuple(command), cwd=self.state, env=inherited_environment() | RARE_GARBAGE_COLLECTION)

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

    async def _keep_history(self) -> bool:
        """The server gives its namespace one day of retention at first start; no flag changes that."""
        command = (
            *(str(binaries.script("temporal")), "operator", "namespace", "update", *_NO_PROFILE),
            *("--address", self.address, "--namespace", NAMESPACE, "--retention", RETENTION),
            *("--command-timeout", "5s"),
        )
        status, _ = await process.run(Launch(command, self.state, inherited_environment()))
        return status == 0


# A profile in the user's home or TEMPORAL_* in the shell must not point us at another server.
_NO_PROFILE = ("--disable-config-file", "--disable-config-env")
