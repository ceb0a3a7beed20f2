"""No module imports itself through others: not at load, not inside a function, not for type checking."""

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("shared", "services", "workflows", "deploy")

Graph = Mapping[str, Iterable[str]]


def imports_of(packages: Iterable[str]) -> Graph:
    """Every module with those it imports directly, function-level and TYPE_CHECKING imports included."""
    graph = grimp.build_graph(*packages, cache_dir=None, exclude_type_checking_imports=False)
    return {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}


def find_cycle(graph: Graph) -> list[str] | None:
    """One circle, each module imported by the next; None where there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        cycle: list[str] = error.args[1]
        return cycle
    return None


def test_no_module_imports_itself_through_others() -> None:
    cycle = find_cycle(imports_of(PACKAGES))
    assert cycle is None, " <- ".join(cycle or [])


@pytest.mark.parametrize(
    "back",
    [
        "import rooms.first\n",
        "def later():\n    from rooms import first\n    return first\n",
        "from typing import TYPE_CHECKING\n\nif TYPE_CHECKING:\n    from rooms.first import Name\n",
    ],
    ids=["at load", "in a function", "for type checking"],
)
def test_a_circle_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, back: str) -> None:
    rooms = tmp_path / "rooms"
    rooms.mkdir()
    (rooms / "__init__.py").write_text("")
    (rooms / "first.py").write_text("import rooms.second\n\nName = str\n")
    (rooms / "second.py").write_text("import rooms.third\n")
    (rooms / "third.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    assert find_cycle(imports_of(["rooms"])) is None
    (rooms / "third.py").write_text(back)
    assert set(find_cycle(imports_of(["rooms"])) or ()) == {"rooms.first", "rooms.second", "rooms.third"}
