"""Alert rules, dashboard and runbooks speak of metrics, commands and pages that exist."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml  # type: ignore[import-untyped]  # a dependency of other tools, without types

from deploy.cli.app import build_app

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS, GRAFANA = ROOT / "deploy/prometheus", ROOT / "deploy/grafana"
RUNBOOKS = sorted((ROOT / "docs/runbooks").glob("*.md"))
PROMTOOL = shutil.which("promtool", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
NEEDED = {"temporal-down", "nats-down", "disk-full", "mail-down", "stuck-ticket", "restore", "upgrade", "rotate-keys"}
RUNBOOK = re.compile(r"docs/runbooks/[a-z-]+\.md")
COMMAND = re.compile(r"^ *(?:docker compose exec \S+ )?(everdesk [^|#&\n]+)", re.MULTILINE)
SHELL = re.compile(r"^ *```sh\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_every_rule_says_how_bad_it_is_and_how_to_mend_it() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in {"page", "ticket"}, rule["alert"]
        assert rule["annotations"].keys() == {"summary", "mend"}, rule["alert"]


def test_every_rule_has_a_case_in_which_it_fires() -> None:
    cases = (PROMETHEUS / "alerts_test.yml").read_text()
    assert [rule["alert"] for rule in rules() if f'alertname="{rule["alert"]}"' not in cases] == []


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is not installed (apt-get install prometheus)")
def test_rules_hold_in_their_cases() -> None:
    for arguments in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]):
        done = subprocess.run([str(PROMTOOL), *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_panels_of_the_dashboard_do_not_overlap_and_have_queries() -> None:
    panels = json.loads((GRAFANA / "everdesk.json").read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places: set[tuple[int, int]] = set()
    for panel in panels:
        grid = panel["gridPos"]
        mine = {
            (x, y) for x in range(grid["x"], grid["x"] + grid["w"]) for y in range(grid["y"], grid["y"] + grid["h"])
        }
        assert not mine & places, panel["title"]
        assert max(x for x, _ in mine) < 24
        places |= mine
        assert panel["type"] == "row" or panel["targets"], panel["title"]


def test_every_runbook_is_there_and_every_one_named_exists() -> None:
    assert {page.stem for page in RUNBOOKS} >= NEEDED
    sources = [PROMETHEUS / "alerts.yml", *(ROOT / "deploy/cli/doctor").glob("*.py"), ROOT / "docs/observability.md"]
    named = {found for source in sources for found in RUNBOOK.findall(source.read_text())}
    assert {page for page in named if not (ROOT / page).exists()} == set()


@pytest.mark.parametrize("page", RUNBOOKS, ids=lambda page: page.stem)
def test_commands_of_a_runbook_exist_with_their_options(page: Path) -> None:
    text = "\n".join(SHELL.findall(page.read_text()))
    lines = [found.strip() for found in COMMAND.findall(text)]
    assert lines, "a runbook has at least one command of ours"
    for line in lines:
        _find(shlex.split(line)[1:])


def _find(words: list[str]) -> None:
    """Follows the words to a command. Raises AssertionError for a command or an option that does not exist."""
    command: Any = typer.main.get_command(build_app())
    while words and hasattr(command, "commands"):
        assert words[0] in command.commands, words[0]
        command, words = command.commands[words[0]], words[1:]
    assert not hasattr(command, "commands"), "a group, not a command"
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word.split("=")[0] for word in words if word.startswith("--")} <= known
