"""`.env` is written once, complete and private; `stack.json` is made from it."""

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.compose.env import filled
from deploy.compose.stack_json import described, read_env
from deploy.local.running_stack import RunningStack
from shared.kit.auth import ApiKey
from tests.containers import compose_text


def test_every_required_setting_gets_a_value() -> None:
    settings = read_env(filled(compose_text.EXAMPLE, {}))
    assert all(settings[name] for name in compose_text.required())
    assert ApiKey.parse(settings["EVERDESK_SEED_API_KEY"])


def test_secrets_differ_from_each_other_and_from_run_to_run() -> None:
    both = [read_env(filled(compose_text.EXAMPLE, {})) for _ in range(2)]
    secrets = [settings[name] for settings in both for name in compose_text.required()]
    assert len(set(secrets)) == len(secrets)


def test_a_chosen_value_replaces_the_default_and_an_unknown_name_is_refused() -> None:
    text = filled(compose_text.EXAMPLE, {"EVERDESK_HTTPS_PORT": "9001", "COMPOSE_PROFILES": "single-binary"})
    settings = read_env(text)
    assert settings["EVERDESK_HTTPS_PORT"] == "9001"
    assert settings["COMPOSE_PROFILES"] == "single-binary"
    with pytest.raises(ValueError, match="EVERDESK_INTAKE_PROT"):
        filled(compose_text.EXAMPLE, {"EVERDESK_INTAKE_PROT": "9001"})


def test_the_file_is_private_and_never_overwritten(tmp_path: Path) -> None:
    target = tmp_path / ".env"
    command = [sys.executable, "-m", "deploy.compose.env", "--output", str(target)]
    subprocess.run(command, cwd=compose_text.ROOT, check=True)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    before = target.read_text(encoding="utf-8")
    again = subprocess.run(command, cwd=compose_text.ROOT, check=False, capture_output=True, text=True)
    assert again.returncode == 1
    assert "is there already" in again.stderr
    assert target.read_text(encoding="utf-8") == before


def test_the_demo_can_read_the_description_of_the_containers() -> None:
    settings = read_env(
        filled(
            compose_text.EXAMPLE,
            {"EVERDESK_PORTAL_URL": "https://a.example:9002", "EVERDESK_DESK_URL": "https://a.example:9002/desk"},
        )
    )
    stack = RunningStack.model_validate_json(json.dumps(described(settings)))
    assert (stack.urls.intake, stack.urls.assignment) == ("https://a.example:9002", "https://a.example:9002/desk")
    assert (stack.urls.notification, stack.urls.mail) == ("https://a.example:9002/notify", "http://127.0.0.1:8025")
    assert stack.credentials.api_key.get_secret_value() == settings["EVERDESK_SEED_API_KEY"]
    assert len({agent.role for agent in stack.credentials.agents}) > 2


def test_the_first_of_several_ports_of_mail_in_is_the_one_told() -> None:
    settings = read_env(filled(compose_text.EXAMPLE, {"EVERDESK_MAIL_IN_PORT": "2530-2532"}))
    assert RunningStack.model_validate_json(json.dumps(described(settings))).ports["mail_in"] == 2530
