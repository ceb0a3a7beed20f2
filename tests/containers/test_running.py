"""The compose file builds, starts, serves and stops for real, in the profile that can be had everywhere."""

import json
import re
import subprocess
import time
import urllib.request
from collections.abc import Iterator

import pytest

from tests.containers.conftest import Compose

pytestmark = [pytest.mark.containers, pytest.mark.timeout(1500)]

SERVED = ("intake", "assignment", "notification", "worker", "postgres", "nats", "temporal-dev", "mail-sink")
ONCE = ("setup-intake", "setup-assignment", "setup-notification", "temporal-dev-namespace")
OURS = (*SERVED[:4], "temporal-dev", "mail-sink")


@pytest.fixture(scope="module")
def images(compose: Compose) -> Compose:
    compose.run("build")
    return compose


@pytest.fixture(scope="module")
def stack(images: Compose) -> Iterator[Compose]:
    images.run("up", "--detach")
    yield images
    images.run("down", "--volumes")


@pytest.mark.parametrize(("profile", "brings"), [("official", "temporal"), ("single-binary", "temporal-dev")])
def test_the_file_is_valid_in_either_profile(compose: Compose, profile: str, brings: str) -> None:
    text = compose.env_file.read_text(encoding="utf-8")
    env_file = compose.env_file.with_name(profile)
    env_file.write_text(re.sub(r"^COMPOSE_PROFILES=.*$", f"COMPOSE_PROFILES={profile}", text, flags=re.MULTILINE))
    services = Compose(compose.program, compose.project, env_file, {}).run("config", "--services").stdout.split()
    assert {"intake", "assignment", "notification", "worker", brings} <= set(services)


def test_a_missing_secret_stops_everything_with_its_name(compose: Compose) -> None:
    text = compose.env_file.read_text(encoding="utf-8")
    without = compose.env_file.with_name("without")
    without.write_text(re.sub(r"^EVERDESK_LINK_SECRET=.*$", "", text, flags=re.MULTILINE), encoding="utf-8")
    refused = Compose(compose.program, compose.project, without, {}).run("config", check=False)
    assert refused.returncode != 0
    assert "EVERDESK_LINK_SECRET is missing from .env" in refused.stderr


def test_the_image_runs_as_nobody_special_and_holds_no_engines(images: Compose) -> None:
    code = "import os, pathlib; print(os.getuid(), sorted(p.name for p in pathlib.Path('/opt/venv/bin').iterdir()))"
    answer = _docker("run", "--rm", "--read-only", _image(images), "python", "-c", code)
    assert answer.startswith("10001 ")
    assert "temporal" not in answer
    assert "nats-server" not in answer
    assert "'pip'" not in answer


def test_the_image_says_what_it_is(images: Compose) -> None:
    config = json.loads(_docker("image", "inspect", "--format", "{{json .Config}}", _image(images)))
    assert config["User"] == "10001:10001"
    assert config["StopSignal"] == "SIGTERM"
    assert config["Labels"]["org.opencontainers.image.version"] == images.settings["EVERDESK_BUILD_ID"]
    assert f"EVERDESK_BUILD_ID={images.settings['EVERDESK_BUILD_ID']}" in config["Env"]
    assert not [name for name in config["Env"] if re.match(r"EVERDESK_\w*(PASSWORD|SECRET|TOKEN)", name)]


def test_the_health_check_fails_where_nothing_serves(images: Compose) -> None:
    command = ["docker", "run", "--rm", _image(images), "python", "-I", "-S", "/app/deploy/healthcheck.py"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1


def test_everything_becomes_healthy_and_the_one_shots_succeed(stack: Compose) -> None:
    for service in SERVED:
        _until_healthy(_container(stack, service), service)
    for service in ONCE:
        state = json.loads(_docker("inspect", "--format", "{{json .State}}", _container(stack, service)))
        assert (state["Status"], state["ExitCode"]) == ("exited", 0), service


@pytest.mark.parametrize("service", ["intake", "assignment", "notification"])
def test_the_host_reaches_each_service_with_all_its_dependencies(stack: Compose, service: str) -> None:
    _until_healthy(_container(stack, service), service)
    url = f"http://127.0.0.1:{stack.settings[f'EVERDESK_{service.upper()}_PORT']}/readyz"
    deadline = time.monotonic() + 60
    while (answer := _json(url))["degraded"] and time.monotonic() < deadline:
        time.sleep(0.5)
    assert (answer["status"], answer["degraded"]) == ("ready", [])


@pytest.mark.parametrize("service", OURS)
def test_each_of_our_containers_is_unprivileged_and_read_only(stack: Compose, service: str) -> None:
    found = json.loads(_docker("inspect", "--format", "{{json .}}", _container(stack, service)))
    assert found["Config"]["User"] == "10001:10001"
    assert found["HostConfig"]["ReadonlyRootfs"]
    assert found["HostConfig"]["CapDrop"] == ["ALL"]
    assert not found["HostConfig"]["Privileged"]
    assert found["HostConfig"]["Memory"] > 0


def test_a_service_cannot_open_the_database_of_another(stack: Compose) -> None:
    code = (
        "import asyncio, asyncpg, os; url = os.environ['EVERDESK_DATABASE_URL'].replace('+asyncpg', '');\n"
        "asyncio.run(asyncpg.connect(url.rpartition('/')[0] + '/assignment'))"
    )
    refused = stack.run("exec", "-T", "intake", "python", "-c", code, check=False)
    assert refused.returncode != 0
    assert "permission denied for database" in refused.stdout + refused.stderr


def test_starting_again_changes_nothing(stack: Compose) -> None:
    before = _container(stack, "intake")
    stack.run("up", "--detach")
    assert _container(stack, "intake") == before


def _image(compose: Compose) -> str:
    return f"everdesk:{compose.settings['EVERDESK_BUILD_ID']}"


def _docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def _container(compose: Compose, service: str) -> str:
    labels = {"project": compose.project, "service": service, "oneoff": "False"}
    filters = [
        word for name, value in labels.items() for word in ("--filter", f"label=com.docker.compose.{name}={value}")
    ]
    found = _docker("ps", "--all", "--quiet", "--no-trunc", *filters).split()
    assert len(found) == 1, f"{service}: {found}"
    return found[0]


def _until_healthy(container: str, service: str) -> None:
    deadline = time.monotonic() + 180
    while (health := _docker("inspect", "--format", "{{.State.Health.Status}}", container)) != "healthy":
        if time.monotonic() > deadline:
            pytest.fail(f"{service} is {health}:\n{_logs(container)}")
        time.sleep(0.5)


def _logs(container: str) -> str:
    done = subprocess.run(["docker", "logs", "--tail", "40", container], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def _json(url: str) -> dict[str, object]:
    with urllib.request.urlopen(url, timeout=5) as answer:
        content: dict[str, object] = json.load(answer)
    return content
