"""The compose file builds, starts, serves and stops for real, in the profile that can be had everywhere."""

import http.client
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from deploy.compose.stack_json import read_env
from tests.containers.clients import ClientAnswers, asking, submit
from tests.containers.compose_text import ROOT
from tests.containers.composed import (
    Compose,
    FrontDoor,
    container,
    containers,
    docker,
    image,
    stack_json,
    until_healthy,
)

pytestmark = [pytest.mark.containers, pytest.mark.timeout(1500)]

SERVED = (
    "intake",
    "mail-in",
    "assignment",
    "notification",
    "worker",
    "postgres",
    "nats",
    "temporal-dev",
    "mail-sink",
    "front-door-wheel",
)
ONCE = ("setup-intake", "setup-assignment", "setup-notification", "temporal-dev-namespace")
OURS = (*SERVED[:5], *SERVED[7:])


@pytest.fixture(scope="module")
def images(compose: Compose) -> Compose:
    compose.run("build")
    return compose


@pytest.fixture(scope="module")
def stack(images: Compose) -> Iterator[Compose]:
    images.run("up", "--detach")
    yield images
    images.run("down", "--volumes")


@pytest.fixture(scope="module")
def door(stack: Compose, tmp_path_factory: pytest.TempPathFactory) -> FrontDoor:
    until_healthy(container(stack, "front-door-wheel"), "front-door-wheel")
    home = tmp_path_factory.mktemp("home")
    stack_json(stack, home)
    return FrontDoor(stack.settings["EVERDESK_PORTAL_URL"], home)


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
    answer = docker("run", "--rm", "--read-only", image(images), "python", "-c", code)
    assert answer.startswith("10001 ")
    assert "temporal" not in answer
    assert "nats-server" not in answer
    assert "'pip'" not in answer


def test_the_image_says_what_it_is(images: Compose) -> None:
    config = json.loads(docker("image", "inspect", "--format", "{{json .Config}}", image(images)))
    assert config["User"] == "10001:10001"
    assert config["StopSignal"] == "SIGTERM"
    assert config["Labels"]["org.opencontainers.image.version"] == images.settings["EVERDESK_BUILD_ID"]
    assert f"EVERDESK_BUILD_ID={images.settings['EVERDESK_BUILD_ID']}" in config["Env"]
    assert not [name for name in config["Env"] if re.match(r"EVERDESK_\w*(PASSWORD|SECRET|TOKEN)", name)]


def test_the_health_check_fails_where_nothing_serves(images: Compose) -> None:
    command = ["docker", "run", "--rm", image(images), "python", "-I", "-S", "/app/deploy/healthcheck.py"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1


def test_everything_becomes_healthy_and_the_one_shots_succeed(stack: Compose) -> None:
    for service in SERVED:
        until_healthy(container(stack, service), service)
    for service in ONCE:
        state = json.loads(docker("inspect", "--format", "{{json .State}}", container(stack, service)))
        assert (state["Status"], state["ExitCode"]) == ("exited", 0), service


@pytest.mark.parametrize("service", ["intake", "assignment", "notification"])
def test_each_service_has_all_its_dependencies(stack: Compose, service: str) -> None:
    until_healthy(container(stack, service), service)
    ask = (
        "import os, urllib.request;"
        "print(urllib.request.urlopen('http://127.0.0.1:' + os.environ['EVERDESK_PORT'] + '/readyz').read().decode())"
    )
    deadline = time.monotonic() + 60
    while True:
        answer = json.loads(stack.run("exec", "-T", service, "python", "-c", ask).stdout)
        if not answer["degraded"] or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    assert (answer["status"], answer["degraded"]) == ("ready", [])


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/", 200, "Support centre"),
        ("/v1/topics", 401, "problem"),
        ("/desk/", 200, "Sign in"),
        ("/desk/openapi.json", 200, "Everdesk assignment"),
        ("/desk/v1/me", 401, "problem"),
        ("/notify/openapi.json", 200, "Everdesk notification"),
        ("/notify/v1/deliveries", 401, "problem"),
        ("/readyz", 404, ""),
        ("/desk/metrics", 404, ""),
        ("/notify/healthz", 404, ""),
    ],
)
def test_one_host_name_leads_to_everything(door: FrontDoor, path: str, status: int, words: str) -> None:
    answered, headers, body = door.get(path)
    assert answered == status
    assert words in body
    assert headers["strict-transport-security"] == "max-age=31536000"


def test_plain_http_is_sent_to_https(stack: Compose, door: FrontDoor) -> None:
    port = int(stack.settings["EVERDESK_HTTP_PORT"])
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/desk/queue?view=all")
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("location")) == (308, f"{door.url}/desk/queue?view=all")


def test_callers_are_told_apart_by_the_address_they_have_and_not_by_one_they_make_up(
    stack: Compose, door: FrontDoor
) -> None:
    """Limits on wrong keys are by address: made-up ones change nothing, another machine is another caller."""
    wrong = "Bearer hd_0123456789abcdef_" + "x" * 43
    asked = [
        door.get("/v1/topics", {"Authorization": wrong, "X-Forwarded-For": f"203.0.113.{number}"})[0]
        for number in range(200)
    ]
    assert 429 in asked
    code = (
        "import http.client, ssl, sys; context = ssl.create_default_context(); context.check_hostname = False;"
        "context.verify_mode = ssl.CERT_NONE;"
        "import socket; raw = socket.create_connection(('front-door-wheel', 8443));"
        "tls = context.wrap_socket(raw, server_hostname='localhost');"
        "tls.sendall(b'GET /v1/topics HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n"
        f"Authorization: {wrong}\\r\\n\\r\\n');"
        "print(tls.recv(100).split()[1].decode())"
    )
    network = f"{stack.project}_front"
    assert docker("run", "--rm", "--network", network, image(stack), "python", "-c", code) == "401"


def test_the_seed_story_is_played_through_the_front_door(stack: Compose, door: FrontDoor) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deploy.demo"],
        cwd=ROOT,
        env={**os.environ, "EVERDESK_HOME": str(door.home)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def test_three_desks_answer_behind_the_front_door_and_one_may_go(stack: Compose, door: FrontDoor) -> None:
    stack.run("up", "--detach", "--no-recreate", "--scale", "assignment=3")
    desks = containers(stack, "assignment")
    assert len(desks) == 3
    for desk in desks:
        until_healthy(desk, "assignment")
    asked = [door.get("/desk/v1/me")[0] for _ in range(30)]
    assert set(asked) == {401}
    docker("kill", desks[0])
    asked = [door.get("/desk/v1/me")[0] for _ in range(60)]
    assert set(asked) <= {401, 503}
    assert asked[-30:] == [401] * 30, "the one that is gone is passed over"
    stack.run("up", "--detach", "--no-recreate", "--scale", "assignment=1")


@pytest.mark.parametrize("service", SERVED[:5])
def test_a_container_is_replaced_while_clients_go_on(stack: Compose, door: FrontDoor, service: str) -> None:
    with asking(door, _api_key(stack)) as asked:
        stack.run("up", "--detach", "--no-deps", "--force-recreate", service)
        until_healthy(container(stack, service), service)
    assert asked.wrong == []
    _until_opened(stack, door, asked)


@pytest.mark.parametrize(("engine", "named"), [("temporal-dev", "temporal"), ("nats", "bus"), ("mail-sink", "smtp")])
def test_tickets_are_taken_while_an_engine_is_away(stack: Compose, door: FrontDoor, engine: str, named: str) -> None:
    asked = ClientAnswers()
    stack.run("stop", engine)
    for _ in range(5):
        submit(door, _api_key(stack), asked)
    _until_operator_is_told(stack, "status", 1, f"{named} unreachable")
    stack.run("up", "--detach", engine)
    assert (asked.wrong, asked.later) == ([], {})
    _until_opened(stack, door, asked)
    _until_operator_is_told(stack, "doctor", 0, "0 dead letters")


def test_the_operator_sees_the_whole_and_saves_it(stack: Compose, door: FrontDoor) -> None:
    def everdesk(*arguments: str) -> str:
        return stack.run("run", "--rm", "-T", "operator", *arguments).stdout

    for service in SERVED:
        until_healthy(container(stack, service), service)
    seen = everdesk("doctor")
    assert [service for service in ("intake", "assignment", "notification") if f"postgres {service}" not in seen] == []
    assert re.search(r"localhost .*good until", seen)
    assert "projection lag               0" in everdesk("status")
    assert "0 differ" in everdesk("sla", "verify")
    said = everdesk("backup", "create", "/backups/one")
    assert "Not in it: secrets" in said
    assert "Temporal's store" not in said
    assert "is whole" in everdesk("backup", "verify", "/backups/one")
    refused = stack.run("run", "--rm", "-T", "operator", "backup", "restore", "/backups/one", "--force", check=False)
    assert "Stop them first" in refused.stdout + refused.stderr


def test_the_image_lists_what_it_holds(images: Compose) -> None:
    listed = json.loads(docker("run", "--rm", image(images), "cat", "/usr/share/sbom/everdesk.cdx.json"))
    names = {part["name"] for part in listed["components"]}
    assert listed["bomFormat"] == "CycloneDX"
    assert {"fastapi", "temporalio", "nats-py", "SQLAlchemy"} <= names | {name.lower() for name in names}


@pytest.mark.parametrize("service", OURS)
def test_each_of_our_containers_is_unprivileged_and_read_only(stack: Compose, service: str) -> None:
    found = json.loads(docker("inspect", "--format", "{{json .}}", container(stack, service)))
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
    before = container(stack, "intake")
    stack.run("up", "--detach")
    assert container(stack, "intake") == before


def _api_key(stack: Compose) -> str:
    return read_env(stack.env_file.read_text(encoding="utf-8"))["EVERDESK_SEED_API_KEY"]


def _until_opened(stack: Compose, door: FrontDoor, asked: ClientAnswers) -> None:
    """Each acknowledged ticket is there once, and has its workflow."""
    headers = {"Authorization": f"Bearer {_api_key(stack)}"}
    assert asked.tickets
    listed: list[str] = []
    path = "/v1/tickets?limit=200"
    while path:
        page = json.loads(door.get(path, headers)[2])
        listed += [ticket["subject"] for ticket in page["items"]]
        path = page["next_cursor"] and f"/v1/tickets?limit=200&cursor={page['next_cursor']}"
    assert {subject: listed.count(subject) for subject in asked.tickets} == dict.fromkeys(asked.tickets, 1)
    deadline = time.monotonic() + 120
    waiting = set(asked.tickets.values())
    while waiting:
        waiting = {one for one in waiting if json.loads(door.get(f"/v1/tickets/{one}", headers)[2])["status"] == "new"}
        assert time.monotonic() < deadline, f"{len(waiting)} tickets are not opened"


def _until_operator_is_told(stack: Compose, command: str, code: int, told: str) -> None:
    """A mail server that was away is tried again a minute later."""
    deadline = time.monotonic() + 180
    while True:
        done = stack.run("run", "--rm", "-T", "operator", command, check=False)
        if done.returncode == code and told in done.stdout:
            return
        assert time.monotonic() < deadline, done.stdout + done.stderr
