"""Extracts the messages of the whole project into a catalogue template."""

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_javascript, extract_python
from babel.messages.pofile import write_po
from jinja2.ext import babel_extract

from services.notification.delivery.templates import TEMPLATES
from shared.kit.i18n.compiled_catalogues import CATALOGUES, read_catalogue

ROOT = Path(__file__).resolve().parents[2]
SUBJECTS = "services/notification/delivery/templates.py"
KEYWORDS: dict[str, Any] = {
    "_": None,
    "gettext": None,
    "marked": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
JINJA = {"trimmed": "true", "silent": "false", "newstyle_gettext": "true", "extensions": "jinja2.ext.i18n"}


def template_files() -> list[Path]:
    """Returns all templates of pages and mails."""
    folders = [ROOT / "shared/kit/web/templates", *sorted(ROOT.glob("services/*/templates"))]
    return sorted(path for folder in folders for path in folder.rglob("*") if path.suffix in {".html", ".txt"})


def extracted() -> Catalog:
    """Returns a catalogue of all messages, with the files they are from."""
    catalogue = Catalog(project="everdesk", fuzzy=False)
    for path in template_files():
        _add(catalogue, path, babel_extract(BytesIO(path.read_bytes()), list(KEYWORDS), (), JINJA))
    for path in sorted([*ROOT.glob("services/**/*.py"), *ROOT.glob("shared/**/*.py")]):
        source = BytesIO(path.read_bytes())
        _add(catalogue, path, extract_python(source, KEYWORDS, (), {"encoding": "utf-8"}))
    for path in sorted([*ROOT.glob("services/*/static/**/*.js"), *ROOT.glob("shared/kit/web/static/*.js")]):
        _add(catalogue, path, extract_javascript(BytesIO(path.read_bytes()), KEYWORDS, (), {"encoding": "utf-8"}))
    for template in TEMPLATES.values():
        found = babel_extract(BytesIO(template.subject.encode()), list(KEYWORDS), (), JINJA)
        _add(catalogue, ROOT / SUBJECTS, found)
    return catalogue


def updated(tag: str) -> Catalog:
    """Returns the catalogue of a language with the messages of the source, and the translations it has so far."""
    catalogue = read_catalogue(tag)
    catalogue.update(extracted(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    catalogue.header_comment = f"# {tag}: translations of Everdesk. Written by `python -m tests.translations`."
    return catalogue


def as_text(catalogue: Catalog) -> bytes:
    """Returns the content of the catalogue's file, without what changes by itself: dates and line numbers."""
    written = BytesIO()
    write_po(written, catalogue, sort_output=True, include_lineno=False, width=110, omit_header=False)
    volatile = (b'"POT-Creation-Date', b'"PO-Revision-Date', b'"Generated-By', b'"Last-Translator', b'"Report-Msgid')
    return b"\n".join(line for line in written.getvalue().split(b"\n") if not line.startswith(volatile))


def write(tag: str) -> None:
    """Brings the file of a language up to date."""
    (CATALOGUES / tag / "everdesk.po").write_bytes(as_text(updated(tag)))


def _add(catalogue: Catalog, path: Path, messages: Iterable[tuple[Any, ...]]) -> None:
    name = path.relative_to(ROOT).as_posix()
    for line, function, found, _comments in messages:
        arguments = found if isinstance(found, tuple) else (found,)
        context, texts = (arguments[0], arguments[1:]) if function == "pgettext" else (None, arguments)
        texts = texts[:2] if function == "ngettext" else texts[:1]
        if all(isinstance(text, str) and text for text in texts) and texts:
            catalogue.add(texts if len(texts) > 1 else texts[0], locations=[(name, line)], context=context)
