"""Finds texts in browser scripts that are shown or read out without being translated."""

import re
from pathlib import Path

from tests.translations.literals import LETTERS

SHOWN = re.compile(
    r"""(?:\b(?:textContent|placeholder|title|label)|"aria-label"|\bsay)\s*(?::|=(?!=)|\()\s*  # where people read
        (?:[^,;\n]*?(?<!\?)\?(?!\?)\s*)?  # one of two texts
        (?P<text>"[^"\n]*"|`[^`\n]*`)""",
    re.VERBOSE,
)
VALUE = re.compile(r"\$\{[^}]*\}")


def untranslated_texts(path: Path) -> list[str]:
    """Returns the literals of a script that are put where people read them, without `_`."""
    found = (match["text"][1:-1] for match in SHOWN.finditer(path.read_text("utf-8")))
    return [text for text in found if LETTERS.search(VALUE.sub("", text))]
