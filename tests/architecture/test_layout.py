"""Small rooms with honest names: file sizes, docstrings, banned names, locks without addresses."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("shared", "services", "workflows", "deploy", "tests")
MAX_LINES = 400
BANNED = re.compile(r"^(utils?|helpers?|managers?|service|misc|common)\.py$")


def sources() -> list[Path]:
    return [path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if "versions" not in path.parts]


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", sources(), ids=relative)
def test_a_module_is_small_and_says_why_it_exists(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= MAX_LINES, "it outgrew one file: make it a folder of the same name"
    assert ast.get_docstring(ast.parse(text)), "open it with one sentence: why it exists"


def test_no_file_is_named_after_nothing() -> None:
    found = [relative(path) for path in sources() if BANNED.match(path.name)]
    assert found == []


def test_lock_files_hold_names_versions_and_hashes_only() -> None:
    for lock in ROOT.glob("requirements*.lock"):
        text = lock.read_text()
        assert "://" not in text
        assert "--hash=sha256:" in text


def test_the_readme_shows_the_lifecycle_as_the_table_has_it() -> None:
    from shared.domain.diagram import state_diagram

    assert state_diagram() in (ROOT / "README.md").read_text()


def test_nothing_secret_is_tracked() -> None:
    tracked = {relative(path) for path in ROOT.glob("*") if path.is_file()}
    assert ".env" not in tracked or ".env" in (ROOT / ".gitignore").read_text().split()


def test_no_wait_loses_a_cancellation() -> None:
    """Before Python 3.12 `wait_for` drops a cancellation that comes together with the result: a job then never ends."""
    product = [path for path in sources() if path.relative_to(ROOT).parts[0] != "tests"]
    found = [relative(path) for path in product if "asyncio.wait_for(" in path.read_text()]
    assert found == [], "use asyncio.timeout"


ENTITIES = {"Agent", "Attachment", "Message", "Participant", "Team", "Ticket", "TicketView", "Topic"}
"""Each service keeps its own table, and shows its own view, of these."""
SAME_JOB = {"AppState", "Base"}
"""One in each service, for the same purpose."""
CLIENT_LIBRARY = "services/intake/client/"
"""Mirrors the names of the API, and may not import the services."""


def classes() -> dict[str, list[str]]:
    """The classes of all modules by name. Those of a single test module are its own affair."""
    found: dict[str, list[str]] = {}
    for path in sources():
        if path.name.startswith("test_") or relative(path).startswith(CLIENT_LIBRARY):
            continue
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, []).append(relative(path))
    return found


def test_a_class_name_stands_for_one_thing() -> None:
    several = {name: paths for name, paths in classes().items() if len(paths) > 1}
    assert {name: paths for name, paths in several.items() if name not in ENTITIES | SAME_JOB} == {}
    assert {name for name, paths in classes().items() if len(paths) > 0} >= ENTITIES | SAME_JOB
