"""Whoever changes a package finds its tests: in the folder of the same name, or where CONTRIBUTING.md says."""

import re
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("shared/domain", "shared/kit", "workflows")
SERVICES = ("services/intake", "services/assignment", "services/notification")
ROW = re.compile(r"^\| `(?P<tests>tests/[\w/]+)` \| (?P<packages>[^|]+) \| (?P<seconds>\d+) \|$", re.M)
MANY = 4
"""A package of more modules than this has a room."""
WITHOUT_TESTS = {"migrations", "models", "schemas"}
"""Tables and shapes: tested with whatever uses them."""
STORIES = {"tests/services", "tests/services/intake/hostile_text"}
"""Folders whose tests are about several packages or services."""
LIMIT = 60
"""Processor seconds of a room's tests; two idle cores need half of it."""


def rooms(text: str) -> dict[str, list[str]]:
    """The packages of the product that the table of rooms names beside those of the folder's own name."""
    return {row["tests"]: re.findall(r"`([\w/]+)`", row["packages"]) for row in ROW.finditer(text)}


def large_packages(root: Path) -> list[str]:
    """The packages of the product that should have a room."""
    found = []
    for top in (*ROOMS, *SERVICES):
        for folder in [root / top, *(root / top).rglob("*")]:
            modules = [path for path in folder.glob("*.py") if not path.name.startswith("__")]
            if (
                len(modules) > MANY
                and folder.relative_to(root).as_posix() not in SERVICES
                and not WITHOUT_TESTS.intersection(folder.relative_to(root).parts)
            ):
                found.append(folder.relative_to(root).as_posix())
    return found


def has_room(root: Path, package: str, table: Mapping[str, list[str]]) -> bool:
    """Whether the package's tests, or those of a package around it, are in a folder of its name or in the table."""
    named = {name for packages in table.values() for name in packages}
    around = {package, *(parent.as_posix() for parent in Path(package).parents)} - {
        *SERVICES,
        "services",
        "shared",
        ".",
    }
    return any(name in named or _has_tests(root / "tests" / name) for name in around)


def _has_tests(folder: Path) -> bool:
    return any(folder.rglob("test_*.py"))


def test_every_package_has_its_room() -> None:
    table = rooms((ROOT / "CONTRIBUTING.md").read_text())
    assert [package for package in large_packages(ROOT) if not has_room(ROOT, package, table)] == []


def test_the_table_names_every_folder_of_a_service_and_only_what_exists() -> None:
    table = rooms((ROOT / "CONTRIBUTING.md").read_text())
    assert [folder for folder in table if not _has_tests(ROOT / folder)] == []
    assert [name for packages in table.values() for name in packages if not (ROOT / name).exists()] == []
    folders = {path.parent.relative_to(ROOT).as_posix() for path in (ROOT / "tests/services").rglob("test_*.py")}
    assert sorted(folders - table.keys() - STORIES) == []


def test_two_cores_answer_for_a_room_in_half_a_minute() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    assert {row["tests"]: row["seconds"] for row in ROW.finditer(text) if int(row["seconds"]) > LIMIT} == {}


def test_a_package_without_a_room_is_found(tmp_path: Path) -> None:
    package = tmp_path / "services/assignment/queries/ticket_lists"
    package.mkdir(parents=True)
    for number in range(MANY + 1):
        (package / f"module_{number}.py").touch()
    (tmp_path / "tests/services/assignment").mkdir(parents=True)
    (tmp_path / "tests/services/assignment/test_all.py").touch()
    (name,) = large_packages(tmp_path)
    assert not has_room(tmp_path, name, {})
    row = f"| `tests/services/assignment/lists` | `{name}` | 12 |"
    assert has_room(tmp_path, name, rooms(row))
    (tmp_path / "tests/services/assignment/queries").mkdir()
    (tmp_path / "tests/services/assignment/queries/test_lists.py").touch()
    assert has_room(tmp_path, name, {})
