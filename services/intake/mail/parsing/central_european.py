"""Polish, Czech, Hungarian and their neighbours: which of two charsets unlabelled bytes are in, if that is clear."""

# ruff: noqa: RUF001 - punctuation beyond ASCII is meant

import re

SAMPLE = 8_192
LEAST_LETTERS = 2
"""Different letters beyond ASCII; a single one may be the raised digit of a unit."""
_ALPHABETS = tuple(
    frozenset(letters)
    for letters in (
        *("ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "ăâîşţ", "čćđšž", "čšž"),
        *("ąćęłńóśźżäöüß", "áčďéěíňóřšťúůýžäöüß"),
    )
)
"""What each language writes beyond plain letters; Polish and Czech also with German names in them."""
_SIGNS = frozenset("„”“‚’‘–—…€§°«»\xa0\xad·×©®")

_NO_WORD = re.compile(r"[^\W\d_][„”“‚‘…€§°«»×©®][^\W\d_]|[a-zß-öø-ÿąćęłńśźżčďěňřšťůž][ĄĆĘŁŃÓŚŹŻÁČĎÉĚÍŇŘŠŤÚŮÝŽÖŐÜŰ]")
"""As text in other charsets looks when it is read in these: a sign within a word, or a capital."""


def charset_of_central_europe(data: bytes) -> str | None:
    """The charset in which all letters are those of one language there; None if there is none or it is not clear."""
    for charset in ("cp1250", "iso8859-2"):
        try:
            text = data[:SAMPLE].decode(charset)
        except UnicodeDecodeError:
            continue
        foreign = {letter for letter in text.lower() if not letter.isascii()} - _SIGNS
        is_text = _NO_WORD.search(text) is None
        if is_text and len(foreign) >= LEAST_LETTERS and any(foreign <= alphabet for alphabet in _ALPHABETS):
            return charset
    return None
