"""The compose file, its settings and the image stay honest: nothing undocumented, unpinned or over-privileged."""

import re

import pytest
from pydantic_settings import BaseSettings

from deploy.local.engines.stack import DATABASES
from deploy.local.engines.temporal import RETENTION
from services.assignment.settings import AssignmentSettings
from services.intake.settings import IntakeSettings
from services.notification.settings import NotificationSettings
from shared.contracts.names import SEARCH_ATTRIBUTES
from tests.containers import compose_text
from workflows.worker import WorkerSettings

SECRET = re.compile(r"(PASSWORD|SECRET|TOKEN|KEY)$")
SETTINGS: dict[str, type[BaseSettings]] = {
    "intake": IntakeSettings,
    "assignment": AssignmentSettings,
    "notification": NotificationSettings,
    "worker": WorkerSettings,
}


def test_every_variable_is_documented_and_every_documented_one_is_read() -> None:
    assert set(compose_text.documented()) - {"COMPOSE_PROFILES"} == set(compose_text.variables())


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
        assert re.search(r"<<: \*(hardened|once|everdesk|everdesk-once)$", block, re.MULTILINE), name


def test_ports_are_published_on_the_chosen_address_only() -> None:
    published = re.findall(r'- "(.+:\d+)"', compose_text.COMPOSE)
    assert published
    assert all(port.startswith("${EVERDESK_BIND_ADDRESS:-127.0.0.1}:") for port in published)


def test_nothing_depends_on_a_service_that_a_profile_may_leave_out() -> None:
    blocks = compose_text.services()
    profile = {name: _profile(block) for name, block in blocks.items()}
    for name, block in blocks.items():
        for needed in re.findall(r"^      ([a-z-]+): \{condition:", block, re.MULTILINE):
            assert profile[needed] in ("", profile[name]), f"{name} depends on {needed}"


@pytest.mark.parametrize("alias", ["temporal", "mail"])
@pytest.mark.parametrize("profile", ["official", "single-binary"])
def test_either_profile_brings_temporal_and_mail_under_one_name(profile: str, alias: str) -> None:
    bringing = [
        name
        for name, block in compose_text.services().items()
        if _profile(block) == profile and (name == alias or f"aliases: [{alias}]" in block)
    ]
    assert len(bringing) == 1


@pytest.mark.parametrize("service", SETTINGS)
def test_every_setting_given_is_one_the_process_knows(service: str) -> None:
    fields = {f"EVERDESK_{name.upper()}" for name in SETTINGS[service].model_fields}
    given = _given_to(service)
    assert given <= fields, "unknown settings"
    needed = {
        f"EVERDESK_{name.upper()}" for name, field in SETTINGS[service].model_fields.items() if field.is_required()
    }
    assert needed <= given, "missing settings"


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
    assert "--require-hashes" in dockerfile
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


def _profile(block: str) -> str:
    found = re.search(r"profiles: \[([a-z-]+)\]", block)
    return found[1] if found else ""


def _given_to(service: str) -> set[str]:
    """The EVERDESK_ variables of a service's environment, its merged anchors included."""
    block = compose_text.services()[service]
    names = set(re.findall(r"^      (EVERDESK_[A-Z_]+):", block, re.MULTILINE))
    anchors = re.findall(r"environment: \*([a-z]+)$|^      <<: \*([a-z]+)$", block, re.MULTILINE)
    pending = [first or second for first, second in anchors]
    while pending:
        anchor = pending.pop()
        body = re.search(
            rf"^x-{anchor}: &{anchor}\n((?:  .*\n)+)", compose_text.without_comments(compose_text.COMPOSE), re.M
        )
        assert body, anchor
        names |= set(re.findall(r"^  (EVERDESK_[A-Z_]+):", body[1], re.MULTILINE))
        pending += re.findall(r"^  <<: \*([a-z]+)$", body[1], re.MULTILINE)
    return names
