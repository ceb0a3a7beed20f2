"""Templates are compiled once for all languages and, where that can be kept, once for all starts."""

import sys
from pathlib import Path

import pytest
from jinja2 import Environment, FileSystemLoader

from shared.kit.http.compiled_templates import CompiledTemplates
from shared.kit.i18n.languages import LANGUAGES, use_language
from shared.kit.i18n.templates import install_translations


def test_a_constant_is_written_as_each_reader_writes_it() -> None:
    environment = Environment(autoescape=True)
    install_translations(environment)
    with use_language(LANGUAGES["de"]):
        template = environment.from_string("{{ 0.5 | number }} {{ 100 | percent }} {{ [0.5] | map('number') | first }}")
        german = template.render()
    assert german == "0,5 100,0 % 0,5"
    assert template.render() == "0.5 100.0 % 0.5"


class Shelf:
    """A folder of one template, and how often it had to be compiled."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.maker = folder / "maker.py"
        self.maker.write_text("flags = 1")
        self.write("Hello {{ name }}")
        self.compiled = 0

    def write(self, text: str) -> None:
        (self.folder / "page.html").write_text(text)

    def render(self) -> str:
        """As a process that has just started."""
        shelf = self

        class Counting(Environment):
            def compile(self, *given: object, **more: object) -> object:  # type: ignore[override]
                shelf.compiled += 1
                return super().compile(*given, **more)  # type: ignore[call-overload]

        kept = CompiledTemplates(self.folder, self.maker)
        environment = Counting(loader=FileSystemLoader(self.folder), bytecode_cache=kept)
        return environment.get_template("page.html").render(name="Ana")


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """Where Python keeps what it compiles, whatever the environment says."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    return Shelf(tmp_path)


def test_the_next_start_compiles_nothing(shelf: Shelf) -> None:
    assert [shelf.render(), shelf.render(), shelf.compiled] == ["Hello Ana", "Hello Ana", 1]


def test_what_is_changed_is_compiled_anew(shelf: Shelf) -> None:
    shelf.render()
    shelf.write("Good day {{ name }}")
    assert [shelf.render(), shelf.compiled] == ["Good day Ana", 2]
    shelf.maker.write_text("flags = 2")
    shelf.render()
    assert shelf.compiled == 3


@pytest.mark.parametrize("left", [b"", b"j2", b"nothing of ours at all"])
def test_a_file_that_cannot_be_read_counts_as_none(shelf: Shelf, left: bytes) -> None:
    shelf.render()
    (kept,) = (shelf.folder / "__pycache__").iterdir()
    kept.write_bytes(kept.read_bytes()[: len(left) + 20] if left.startswith(b"j2") else left)
    assert [shelf.render(), shelf.render(), shelf.compiled] == ["Hello Ana", "Hello Ana", 2]


def test_where_python_writes_nothing_nothing_is_written(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert [shelf.render(), shelf.render(), shelf.compiled] == ["Hello Ana", "Hello Ana", 2]
    assert not (shelf.folder / "__pycache__").exists()


def test_where_nothing_can_be_written_pages_are_shown_all_the_same(shelf: Shelf) -> None:
    (shelf.folder / "__pycache__").write_text("in the way")
    assert [shelf.render(), shelf.render(), shelf.compiled] == ["Hello Ana", "Hello Ana", 2]


def test_python_says_where_compiled_files_are(
    shelf: Shelf, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path_factory.mktemp("cache")
    monkeypatch.setattr(sys, "pycache_prefix", str(elsewhere))
    assert [shelf.render(), shelf.render(), shelf.compiled] == ["Hello Ana", "Hello Ana", 1]
    assert not (shelf.folder / "__pycache__").exists()
    assert list(elsewhere.rglob("*.jinja"))
