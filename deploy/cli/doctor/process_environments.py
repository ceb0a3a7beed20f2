"""Where everything is, as the processes themselves were told: in a container its own environment, else the stack's."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from deploy.cli.environment import (
    DATABASE_URL,
    NATS_URL,
    TEMPORAL_ADDRESS,
    home,
    local_plan,
    named_environments,
    named_process_urls,
    running_stack,
)
from deploy.local.plan import SERVICES
from deploy.local.settings import HOST
from shared.contracts.names import NAMESPACE

HTTP_PROCESSES = (*SERVICES, "worker", "mail_in")


@dataclass(frozen=True, slots=True)
class ProcessEnvironments:
    """The environments of the processes that can be seen from here."""

    environments: Mapping[str, Mapping[str, str]]
    """By process. In a container there is one, and what it is called is not known: `this`."""
    urls: Mapping[str, str] = field(default_factory=dict)
    """Where each process answers for its health."""
    pids: Mapping[str, int] = field(default_factory=dict)
    folders: Mapping[str, Path] = field(default_factory=dict)
    """Folders whose disks matter, by what is kept there."""

    @classmethod
    def find(cls) -> "ProcessEnvironments":
        """Raises LocalStackError or CliError where there is neither an environment nor a stack."""
        if named := named_environments():
            return cls(named, named_process_urls(), folders=_storage(dict(os.environ)))
        if os.environ.get(NATS_URL) or os.environ.get(DATABASE_URL):
            return cls.of_environment(dict(os.environ))
        return _of_local_stack()

    @classmethod
    def of_environment(cls, environment: Mapping[str, str]) -> "ProcessEnvironments":
        """Those of one process, as in its container."""
        port = environment.get("EVERDESK_PORT", "")
        urls = {"this process": f"http://{HOST}:{port}"} if port else {}
        return cls({"this": environment}, urls, folders=_storage(environment))

    @property
    def databases(self) -> dict[str, str]:
        """Their addresses as asyncpg reads them, by process."""
        found = {name: env[DATABASE_URL] for name, env in self.environments.items() if env.get(DATABASE_URL)}
        return {name: url.replace("+asyncpg", "", 1) for name, url in found.items() if name != "mail_in"}

    def setting(self, name: str, *processes: str) -> str | None:
        """A setting of the first of these processes that has it, or of any."""
        preferred = [self.environments[process] for process in processes if process in self.environments]
        return next((env[name] for env in (*preferred, *self.environments.values()) if env.get(name)), None)

    def environment_with(self, name: str, process: str) -> Mapping[str, str] | None:
        """The environment of `process` if it is known, else one that has the setting; None if there is none."""
        if process in self.environments:
            return self.environments[process]
        return next((env for env in self.environments.values() if env.get(name)), None)

    @property
    def temporal(self) -> tuple[str, str] | None:
        """Address and namespace."""
        address = self.setting(TEMPORAL_ADDRESS, "worker")
        return (address, self.setting("EVERDESK_TEMPORAL_NAMESPACE", "worker") or NAMESPACE) if address else None


def _of_local_stack() -> ProcessEnvironments:
    stack, state = running_stack(), home().absolute()
    planned = {part.name: part for part in local_plan().parts}
    environments = {
        name: _environment_of(stack.pids.get(name)) or dict(planned[name].engine.launch().env)
        for name in HTTP_PROCESSES
        if name in planned
    }
    urls = {name: str(getattr(stack.urls, name)) for name in SERVICES}
    ports = {"worker": "worker", "mail_in": "mail_in_http"}
    urls |= {name: f"http://{HOST}:{stack.ports[port]}" for name, port in ports.items() if port in stack.ports}
    return ProcessEnvironments(
        environments, urls, stack.pids, {"state": state, **_storage(environments.get("intake", {}))}
    )


def _environment_of(pid: int | None) -> dict[str, str]:
    """What a running process was started with; nothing if it is gone or not ours."""
    if pid is None:
        return {}
    try:
        return psutil.Process(pid).environ()
    except psutil.Error:
        return {}


def _storage(environment: Mapping[str, str]) -> dict[str, Path]:
    """The folder of attached files, if they are kept in one."""
    url = environment.get("EVERDESK_STORAGE_URL", "")
    if not url or url.startswith("s3:"):
        return {}
    folder = Path(urlsplit(url).path if url.startswith("file:") else url)
    return {"files": folder.absolute()} if folder.exists() else {}
