"""A project of the compose file that runs, its containers, and its front door as a client sees it."""

import http.client
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from deploy.compose.stack_json import CA_FILE
from tests.containers.compose_text import ROOT


@dataclass(frozen=True, slots=True)
class Compose:
    """One project of the repository's compose file, with settings and a name of its own."""

    program: tuple[str, ...]
    project: str
    env_file: Path
    settings: dict[str, str]

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        command = [*self.program, "--env-file", str(self.env_file), "--project-name", self.project, *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if check and done.returncode != 0:
            pytest.fail(
                f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stdout[-4000:]}{done.stderr[-4000:]}"
            )
        return done


@dataclass(frozen=True, slots=True)
class FrontDoor:
    """Where the composed system is reached, and whose certificate it shows."""

    url: str
    home: Path

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> tuple[int, Mapping[str, str], str]:
        """Status, headers by lower-case name, and body; redirects are not followed."""
        return self.ask("GET", path, headers)

    def ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, content: str | None = None
    ) -> tuple[int, Mapping[str, str], str]:
        """As `get`, with any method and a body."""
        where = urlsplit(self.url)
        context = ssl.create_default_context(cafile=self.home / CA_FILE)
        connection = http.client.HTTPSConnection(where.hostname or "", where.port, timeout=20, context=context)
        try:
            connection.request(method, path, body=content, headers=dict(headers or {}))
            answer = connection.getresponse()
            named = {name.lower(): value for name, value in answer.getheaders()}
            return answer.status, named, answer.read().decode(errors="replace")
        finally:
            connection.close()


def image(compose: Compose) -> str:
    return f"everdesk:{compose.settings['EVERDESK_BUILD_ID']}"


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def container(compose: Compose, service: str) -> str:
    found = containers(compose, service)
    assert len(found) == 1, f"{service}: {found}"
    return found[0]


def containers(compose: Compose, service: str) -> list[str]:
    filters = [
        word
        for name, value in {"project": compose.project, "service": service, "oneoff": "False"}.items()
        for word in ("--filter", f"label=com.docker.compose.{name}={value}")
    ]
    return docker("ps", "--all", "--quiet", "--no-trunc", *filters).split()


def stack_json(compose: Compose, home: Path) -> None:
    command = [sys.executable, "-m", "deploy.compose.stack_json", "--env", str(compose.env_file)]
    done = subprocess.run(
        [*command, "--project-name", compose.project],
        cwd=ROOT,
        env={**os.environ, "EVERDESK_HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def until_healthy(container: str, service: str) -> None:
    deadline = time.monotonic() + 180
    while (health := docker("inspect", "--format", "{{.State.Health.Status}}", container)) != "healthy":
        if time.monotonic() > deadline:
            pytest.fail(f"{service} is {health}:\n{logs(container)}")
        time.sleep(0.5)


def logs(container: str) -> str:
    done = subprocess.run(["docker", "logs", "--tail", "40", container], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr
