"""A Docker daemon and either Compose, or a clear word on why these tests do not run."""

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from deploy.compose.env import filled
from deploy.local.engines.ports import find_free_port
from tests.containers import compose_text
from tests.containers.composed import Compose

PORTS = ("HTTPS", "HTTP", "MAIL_IN", "MAIL", "TEMPORAL_UI")


@pytest.fixture(scope="session")
def compose_program() -> tuple[str, ...]:
    if os.environ.get("EVERDESK_TEST_ENGINES") != "containers":
        pytest.skip("container tests run with EVERDESK_TEST_ENGINES=containers and a Docker daemon")
    if shutil.which("docker") is None or not _succeeds("docker", "info"):
        pytest.skip("EVERDESK_TEST_ENGINES=containers, but no Docker daemon answers")
    for program in (("docker", "compose"), ("docker-compose",)):
        if shutil.which(program[0]) and _succeeds(*program, "version"):
            return program
    pytest.skip("EVERDESK_TEST_ENGINES=containers, but there is neither 'docker compose' nor 'docker-compose'")


@pytest.fixture(scope="session")
def compose(compose_program: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compose]:
    """The profile that needs no pulled image but the three base images; everything of it is removed afterwards."""
    name = f"everdesk-test-{secrets.token_hex(4)}"
    chosen = {"COMPOSE_PROFILES": "single-binary", "EVERDESK_BUILD_ID": name, "EVERDESK_FRONT_DOOR_BUILD_ID": name}
    taken: set[int] = set()
    for port in PORTS:
        taken.add(found := find_free_port(taken=frozenset(taken)))
        chosen[f"EVERDESK_{port}_PORT"] = str(found)
    chosen["EVERDESK_PORTAL_URL"] = f"https://localhost:{chosen['EVERDESK_HTTPS_PORT']}"
    chosen["EVERDESK_DESK_URL"] = f"{chosen['EVERDESK_PORTAL_URL']}/desk"
    chosen["EVERDESK_FRONT_NETWORK"] = f"10.213.{secrets.randbelow(256)}.0/24"
    env_file = tmp_path_factory.mktemp("compose") / "env"
    env_file.write_text(filled(compose_text.EXAMPLE, chosen), encoding="utf-8")
    project = Compose(compose_program, name, env_file, chosen)
    yield project
    project.run("down", "--volumes", "--remove-orphans", check=False)
    ours = [f"everdesk{kind}:{name}" for kind in ("", "-temporal-dev", "-mail-sink", "-front-door-wheel")]
    subprocess.run(["docker", "image", "rm", "--force", *ours], capture_output=True, check=False)


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
