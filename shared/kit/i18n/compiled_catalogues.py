"""Catalogues of translations, compiled when a language is first used and kept for the next start of the process.

Reading the text of a catalogue takes as long as starting a process, and everybody waits meanwhile.
"""

import hashlib
import marshal
from dataclasses import astuple, dataclass
from importlib.metadata import version
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from shared.kit.compiled_files import CompiledFiles

if TYPE_CHECKING:
    from babel.messages.catalog import Catalog, Message

CATALOGUES = Path(__file__).parent / "catalogues"
SCRIPT = ".js"
KEPT = "everdesk.catalogue"


@dataclass(frozen=True, slots=True)
class CompiledCatalogue:
    """What a process needs of a catalogue."""

    machine_object: bytes
    """The translations in the format of gettext's `.mo` files."""
    places: tuple[tuple[str, str], ...]
    """Context and English text of each message."""
    of_scripts: tuple[tuple[str, str, tuple[str, ...]], ...]
    """English text, translation and files of each message that browser scripts show."""


def read_catalogue(tag: str) -> "Catalog":
    """Returns the catalogue of a language as it is in its file."""
    return _read(tag, _path(tag).read_bytes())


def compiled_catalogue(tag: str) -> CompiledCatalogue:
    """Returns what a catalogue is compiled to, read from its text only if that has changed."""
    source, files = _path(tag).read_bytes(), CompiledFiles(CATALOGUES / tag)
    made_from = hashlib.sha256(source + Path(__file__).read_bytes() + version("babel").encode()).digest()
    if (kept := files.find(KEPT)) and kept.startswith(made_from) and (found := _opened(kept[len(made_from) :])):
        return found
    compiled = _compiled(_read(tag, source))
    files.keep(KEPT, made_from + marshal.dumps(astuple(compiled)))
    return compiled


def _path(tag: str) -> Path:
    return CATALOGUES / tag / "everdesk.po"


def _opened(kept: bytes) -> CompiledCatalogue | None:
    try:
        return CompiledCatalogue(*marshal.loads(kept))  # noqa: S302 - trusted as compiled code is
    except (EOFError, ValueError, TypeError):
        return None


def _read(tag: str, source: bytes) -> "Catalog":
    from babel.messages.pofile import read_po  # only who compiles pays for the import

    return read_po(BytesIO(source), locale=tag.replace("-", "_"), domain="everdesk")


def _compiled(catalogue: "Catalog") -> CompiledCatalogue:
    from babel.messages.mofile import write_mo  # as above

    written = BytesIO()
    write_mo(written, catalogue)
    shown = [one for one in catalogue if _is_plain(one)]
    return CompiledCatalogue(
        written.getvalue(),
        tuple((one.context or "", _english(one)) for one in catalogue),
        tuple((str(one.id), str(one.string), files) for one in shown if (files := _scripts(one))),
    )


def _english(message: "Message") -> str:
    return str(message.id[0] if isinstance(message.id, tuple | list) else message.id)


def _is_plain(message: "Message") -> bool:
    return bool(message.id) and isinstance(message.id, str) and bool(message.string) and not message.fuzzy


def _scripts(message: "Message") -> tuple[str, ...]:
    return tuple(name for name, _ in message.locations if name.endswith(SCRIPT))
