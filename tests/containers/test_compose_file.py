"""The compose file, its settings and the image stay honest: nothing undocumented, unpinned or over-privileged."""

import re

import pytest
from pydantic_settings import BaseSettings

from deploy.cli.backup.stores import BackupSettings
from deploy.local.engines.stack import DATABASES
from deploy.local.engines.temporal import RETENTION
from services.assignment.settings import AssignmentSettings
from services.intake.mail.settings import MailSettings
from services.intake.settings import IntakeSettings
from services.notification.settings import NotificationSettings
from shared.contracts.names import SEARCH_ATTRIBUTES
from tests.containers import compose_text
from workflows.worker import WorkerSettings

SECRET = re.compile(r"(PASSWORD|SECRET|TOKEN|KEY)$")
SETTINGS: dict[str, type[BaseSettings]] = {
    "intake": IntakeSettings,
    "mail-in": MailSettings,
    "assignment": AssignmentSettings,
    "notification": NotificationSettings,
    "worker": WorkerSettings,
}
NOT_GIVEN = {"host", "build_id", "challenge", "challenge_bits", "seed_api_key", "seed_password", "setup_token"}
"""What the image says, what is ignored, and what only seeding reads."""


def test_every_variable_is_documented_and_every_documented_one_is_read() -> None:
    """In .env.example, or in docs/settings.md where a setting is merely passed on."""
    documented, read = set(compose_text.documented()), set(compose_text.variables())
    assert documented - {"COMPOSE_FILE"} <= read
    assert read - documented <= compose_text.passed_on() & set().union(*(_names(one) for one in SETTINGS.values()))


def test_the_defaults_documented_are_the_defaults_used() -> None:
    documented = compose_text.documented()
    used = {name: default for name, default in compose_text.variables().items() if default}
    assert used == {name: documented[name] for name in used}


def test_a_missing_secret_is_named_in_the_message() -> None:
    for name, message in compose_text.messages():
        assert message.startswith(f"{name} is missing from .env")


def test_every_secret_comes_from_outside() -> None:
    for name, value in compose_text.environment():
        if SECRET.search(name):
            assert re.fullmatch(r"\$\{[^}]+\}", value), f"{name} has a value in the file"
    assert not [name for name in compose_text.required() if compose_text.documented()[name]]


def test_a_required_variable_is_never_also_optional() -> None:
    assert all(compose_text.variables()[name] is None for name in compose_text.required())


@pytest.mark.parametrize("word", ["privileged", "network_mode", "docker.sock", "SYS_ADMIN", ":latest", "seccomp"])
def test_nothing_asks_for_too_much_or_for_whatever_is_newest(word: str) -> None:
    assert word not in compose_text.without_comments(compose_text.COMPOSE)
    assert word not in compose_text.without_comments(compose_text.DOCKERFILE)


def test_every_image_has_a_tag() -> None:
    for name, block in compose_text.services().items():
        image = re.search(r"^    image: (.+)$", block, re.MULTILINE)
        if image is None:
            assert "<<: *everdesk" in block, f"{name} has no image"
        else:
            assert re.search(r":(\$\{[A-Z_]+:-[^}]+\}|[\w.-]+\})$", image[1]), f"{name}: {image[1]}"


def test_every_container_is_hardened() -> None:
    for name, block in compose_text.services().items():
        assert re.search(r"<<: \*(hardened|once|everdesk|everdesk-once|front-door)$", block, re.MULTILINE), name


def test_only_the_front_door_and_mail_in_are_published_on_the_chosen_address() -> None:
    published = re.findall(r'- "(.+):(\d+)"', compose_text.without_comments(compose_text.COMPOSE))
    assert sorted(port for _, port in published) == ["2525", "8080", "8443"]
    assert all(where.startswith("${EVERDESK_BIND_ADDRESS:-127.0.0.1}:") for where, _ in published)
    assert {name for name, block in compose_text.services().items() if "    ports:" in block} == {"mail-in"}


def test_the_consoles_are_published_on_this_machine_alone() -> None:
    published = re.findall(r'- "(.+:\d+)"', compose_text.CONSOLES)
    assert len(published) == 3
    assert all(port.startswith("127.0.0.1:") for port in published)


@pytest.mark.parametrize("anchor", ["everdesk", "front-door"])
def test_what_is_ours_is_read_only_limited_and_given_time_to_stop(anchor: str) -> None:
    body = re.search(
        rf"^x-{anchor}: &{anchor}\n((?:  .*\n)+)", compose_text.without_comments(compose_text.COMPOSE), re.M
    )
    assert body
    for line in ("read_only: true", "tmpfs: [/tmp]", "mem_limit: ", "stop_grace_period: ", "<<: *hardened"):
        assert line in body[1], f"{anchor}: {line}"
    hardened = compose_text.COMPOSE.partition("x-hardened:")[2].partition("\nx-")[0]
    for line in ("cap_drop: [ALL]", "no-new-privileges:true", "pids_limit: ", "restart: unless-stopped", "logging: "):
        assert line in hardened


@pytest.mark.parametrize("engine", ["postgres", "nats", "temporal", "temporal-dev", "mailpit"])
def test_every_engine_has_a_health_check_a_limit_and_time_to_stop(engine: str) -> None:
    block = compose_text.services()[engine]
    assert "    mem_limit: " in block
    assert "    stop_grace_period: " in block or engine == "mailpit"
    checks_itself = engine == "temporal-dev"  # its image does
    assert "    healthcheck:" in block or checks_itself


def test_the_services_believe_the_front_doors_network_and_no_other() -> None:
    network = re.search(r"- subnet: (\S+)", compose_text.COMPOSE)
    trusted = re.search(r"EVERDESK_TRUSTED_PROXIES: (\S+)", compose_text.COMPOSE)
    assert network
    assert trusted
    assert network[1] == trusted[1]
    on_it = {name for name, block in compose_text.services().items() if "networks: [default, front]" in block}
    assert on_it == {"intake", "assignment", "notification", "operator"}  # who looks at the front door's certificate


def test_the_front_door_leads_to_each_service_and_hides_what_is_for_machines() -> None:
    caddy = (compose_text.ROOT / "deploy/front_door/Caddyfile").read_text(encoding="utf-8")
    led = dict(re.findall(r"name (\w+)\n\s+port (\d+)", caddy))
    assert led == {"intake": "8001", "assignment": "8002", "notification": "8003"}
    for prefix in ("", "/desk", "/notify"):
        for path in ("healthz", "readyz", "metrics"):
            assert f" {prefix}/{path}" in caddy
    assert "Strict-Transport-Security" in caddy
    given = set(re.findall(r"\{\$(EVERDESK_[A-Z_]+)", caddy))
    block = compose_text.COMPOSE.partition("x-front-door:")[2].partition("\n  volumes:")[0]
    assert given == set(re.findall(r"^    (EVERDESK_[A-Z_]+):", block, re.M))


@pytest.mark.parametrize("service", SETTINGS)
def test_no_process_of_ours_exists_only_once(service: str) -> None:
    block = compose_text.services()[service]
    number = f"${{EVERDESK_{service.upper().replace('-', '_')}_CONTAINERS:-1}}"
    assert f"    deploy:\n      replicas: {number}\n" in block
    assert "container_name" not in block


def test_nothing_depends_on_a_service_that_a_profile_may_leave_out() -> None:
    blocks = compose_text.services()
    profile = {name: _profile(block) for name, block in blocks.items()}
    for name, block in blocks.items():
        for needed in re.findall(r"^      ([a-z-]+): \{condition:", block, re.MULTILINE):
            assert profile[needed] in (set(), profile[name]), f"{name} depends on {needed}"


@pytest.mark.parametrize("profile", ["official", "single-binary"])
def test_either_profile_has_one_front_door(profile: str) -> None:
    doors = [name for name, block in compose_text.services().items() if "<<: *front-door" in block]
    assert len([name for name in doors if profile in _profile(compose_text.services()[name])]) == 1


@pytest.mark.parametrize("alias", ["temporal", "mail"])
@pytest.mark.parametrize("profile", ["official", "single-binary"])
def test_either_profile_brings_temporal_and_mail_under_one_name(profile: str, alias: str) -> None:
    bringing = [
        name
        for name, block in compose_text.services().items()
        if profile in _profile(block) and (name == alias or f"aliases: [{alias}]" in block)
    ]
    assert len(bringing) == 1


@pytest.mark.parametrize("service", SETTINGS)
def test_every_setting_given_is_one_the_process_knows(service: str) -> None:
    fields = _names(SETTINGS[service])
    given = _given_to(service)
    assert given <= fields, "unknown settings"
    needed = {
        f"EVERDESK_{name.upper()}" for name, field in SETTINGS[service].model_fields.items() if field.is_required()
    }
    assert needed <= given, "missing settings"


@pytest.mark.parametrize("service", SETTINGS)
def test_every_setting_of_a_process_can_be_made_in_the_env_file(service: str) -> None:
    wanted = _names(SETTINGS[service]) - {f"EVERDESK_{name.upper()}" for name in NOT_GIVEN}
    assert wanted - _given_to(service) == set()


def test_the_operators_container_has_what_back_ups_are_told_by() -> None:
    block = compose_text.services()["operator"]
    script = (compose_text.ROOT / "deploy/compose/operator.sh").read_text(encoding="utf-8")
    for name in BackupSettings.model_fields:
        assert f"EVERDESK_BACKUP_{name.upper()}" in block + script, name
    for name, port in re.findall(r"http://([a-z-]+):(\d+)", block.partition("EVERDESK_PROCESS_URLS")[2]):
        assert _value_of(name, "EVERDESK_PORT") == port
    front_door = compose_text.COMPOSE.partition("x-front-door:")[2].partition("\nx-")[0]
    assert "aliases: [front-door]" in front_door
    assert ':8443"' in front_door
    assert "EVERDESK_FRONT_DOOR: front-door:8443" in block


def test_nats_takes_the_streams_it_has_however_full_its_disk_is_at_a_start() -> None:
    config = compose_text.without_comments((compose_text.ROOT / "deploy/nats/nats.conf").read_text(encoding="utf-8"))
    for line in ("max_file_store: 1TB", "sync_interval: always"):
        assert line in config
        assert line in (compose_text.ROOT / "deploy/local/engines/nats.py").read_text(encoding="utf-8")


def test_the_example_for_prometheus_scrapes_every_process_where_it_listens() -> None:
    example = (compose_text.ROOT / "deploy/prometheus/prometheus.yml").read_text(encoding="utf-8")
    scraped = dict(re.findall(r"""- targets: \["([a-z-]+):(\d+)"\]""", example.partition("scrape_configs:")[2]))
    assert scraped == {service: _value_of(service, "EVERDESK_PORT") for service in SETTINGS}


def test_the_databases_and_the_namespace_are_those_of_the_local_stack() -> None:
    databases = (compose_text.ROOT / "deploy/postgres/10-databases.sh").read_text(encoding="utf-8")
    for name in DATABASES:
        assert f"provision {name} {name.upper()}_DB_PASSWORD {name}\n" in databases
    namespace = (compose_text.ROOT / "deploy/temporal/namespace.sh").read_text(encoding="utf-8")
    assert f"for attribute in {' '.join(SEARCH_ATTRIBUTES)}; do" in namespace
    assert f":={RETENTION}" in namespace
    assert compose_text.variables()["TEMPORAL_RETENTION"] == RETENTION


def test_the_image_drops_root_checks_hashes_and_names_no_index() -> None:
    dockerfile = compose_text.without_comments(compose_text.DOCKERFILE)
    installing = re.findall(r" install --.*-hashes.*| install .*\.lock.*", dockerfile)
    assert len(installing) == 3
    assert all("--require-hashes" in line for line in installing)
    assert "cyclonedx-py environment" in dockerfile
    assert re.findall(r"^USER (.+)$", dockerfile, re.MULTILINE)[-1] == "10001:10001"
    assert "http://" not in dockerfile.replace("http://127.0.0.1", "")
    assert "https://" not in dockerfile
    assert "STOPSIGNAL SIGTERM" in dockerfile


def test_only_what_is_named_enters_the_build() -> None:
    lines = (compose_text.ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert {rule for rule in rules if rule.startswith("!")} == {
        "!requirements.lock",
        "!shared",
        "!services",
        "!workflows",
        "!deploy",
    }
    assert "**/.*" in rules, "a .env or an .everdesk folder must not enter"


def _profile(block: str) -> set[str]:
    found = re.search(r"profiles: \[([a-z, -]+)\]", block)
    return set(found[1].split(", ")) if found else set()


def _given_to(service: str) -> set[str]:
    """The EVERDESK_ variables of a service's environment, its merged anchors included."""
    return set(_environment_of(service))


def _value_of(service: str, name: str) -> str:
    return _environment_of(service)[name].strip('"')


def _names(settings: type[BaseSettings]) -> set[str]:
    return {f"EVERDESK_{name.upper()}" for name in settings.model_fields}


def _environment_of(service: str) -> dict[str, str]:
    block = compose_text.services()[service]
    given = dict(re.findall(r"^      (EVERDESK_[A-Z_]+): ?(.*)$", block, re.MULTILINE))
    anchors = re.findall(r"environment: \*([a-z-]+)$|^      <<: \*([a-z-]+)$", block, re.MULTILINE)
    pending = [first or second for first, second in anchors]
    while pending:
        anchor = pending.pop()
        body = re.search(
            rf"^x-{anchor}: &{anchor}\n((?:  .*\n)+)", compose_text.without_comments(compose_text.COMPOSE), re.M
        )
        assert body, anchor
        given = dict(re.findall(r"^  (EVERDESK_[A-Z_]+): ?(.*)$", body[1], re.MULTILINE)) | given
        pending += re.findall(r"^  <<: \*([a-z-]+)$", body[1], re.MULTILINE)
    return given
