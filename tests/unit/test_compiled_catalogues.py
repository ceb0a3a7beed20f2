"""Catalogues are read from their text once for all starts, and again when that has changed."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.kit.i18n import compiled_catalogues, messages
from shared.kit.i18n.compiled_catalogues import CATALOGUES
from shared.kit.i18n.languages import LANGUAGES, use_language
from shared.kit.i18n.messages import gettext, ngettext, pgettext, script_messages


class Shelf:
    """A copy of the catalogues, and how often one had to be read from its text."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.read = 0

    def replace(self, before: str, after: str) -> None:
        path = self.folder / "de" / "everdesk.po"
        text = path.read_text("utf-8")
        assert before in text
        path.write_text(text.replace(before, after), "utf-8")

    def start(self) -> None:
        """As in a process that has just started."""
        messages._translations.cache_clear()
        script_messages.cache_clear()

    def says(self) -> list[str]:
        """One message of each kind, after a start."""
        self.start()
        with use_language(LANGUAGES["de"]):
            told = [ngettext("%(num)s ticket came back", "%(num)s tickets came back", n, num=n) for n in (1, 2)]
            told += [pgettext("status", "Open"), gettext("Hello %(name)s,", name="Ida")]
        return [*told, script_messages("de", "assignment")["Draft saved"]]


SAID = ["1 Ticket kam zurück", "2 Tickets kamen zurück", "Offen", "Guten Tag Ida,", "Entwurf gespeichert"]


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shelf]:
    """Where Python keeps what it compiles, whatever the environment says."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(sys, "pycache_prefix", None)
    shutil.copytree(CATALOGUES, tmp_path / "catalogues", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(compiled_catalogues, "CATALOGUES", tmp_path / "catalogues")
    shelf, read = Shelf(tmp_path / "catalogues"), compiled_catalogues._read

    def counted(tag: str, source: bytes) -> object:
        shelf.read += 1
        return read(tag, source)

    monkeypatch.setattr(compiled_catalogues, "_read", counted)
    yield shelf
    shelf.start()


def test_the_next_start_reads_no_catalogue_and_says_the_same(shelf: Shelf) -> None:
    assert [shelf.says(), shelf.says(), shelf.read] == [SAID, SAID, 1]


def test_the_pseudo_language_reads_none_either(shelf: Shelf) -> None:
    shelf.says()
    with use_language(LANGUAGES["ar-XB"]):
        assert gettext("No message of ours") == "No message of ours"
        assert pgettext("status", "Open") == f"{messages.RIGHT_TO_LEFT}Open{messages.END}"
    assert shelf.read == 1


def test_a_catalogue_that_has_changed_is_read_anew(shelf: Shelf) -> None:
    shelf.says()
    shelf.replace("Entwurf gespeichert", "Entwurf gesichert")
    assert [shelf.says()[-1], shelf.says()[-1], shelf.read] == ["Entwurf gesichert", "Entwurf gesichert", 2]


@pytest.mark.parametrize("left", [b"", b"nothing of ours", None], ids=["empty", "foreign", "cut off"])
def test_a_file_that_cannot_be_read_counts_as_none(shelf: Shelf, left: bytes | None) -> None:
    shelf.says()
    (kept,) = (shelf.folder / "de" / "__pycache__").iterdir()
    kept.write_bytes(kept.read_bytes()[:1000] if left is None else left)
    assert [shelf.says(), shelf.says(), shelf.read] == [SAID, SAID, 2]


def test_where_python_writes_nothing_nothing_is_written(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    assert shelf.says() == SAID
    assert not (shelf.folder / "de" / "__pycache__").exists()
