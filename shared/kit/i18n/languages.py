"""The languages there are, which of them an installation offers, and the one that is in use now."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Literal

PSEUDO_TAG = "ar-XB"
"""A language for tests: English shown from right to left. CLDR keeps the region XB for it."""
MAX_HEADER = 1000
"""Characters of an Accept-Language header that are read."""


@dataclass(frozen=True, slots=True)
class Language:
    """A language with a catalogue."""

    tag: str
    """BCP 47."""
    name: str
    """In the language itself, as a language switch shows it."""
    direction: Literal["ltr", "rtl"] = "ltr"

    @property
    def locale(self) -> str:
        """The locale of its dates and numbers: English ones are day first, with 24 hours."""
        return {"en": "en_GB"}.get(self.tag, self.tag.replace("-", "_") if self.tag != PSEUDO_TAG else "en_GB")


ENGLISH = Language("en", "English")
LANGUAGES = {
    language.tag: language
    for language in (ENGLISH, Language("de", "Deutsch"), Language(PSEUDO_TAG, "Right to left", "rtl"))
}
_CURRENT: ContextVar[Language] = ContextVar("language", default=ENGLISH)


def current_language() -> Language:
    """Returns the language of the page or mail that is being made; English where none was set."""
    return _CURRENT.get()


def set_language(language: Language) -> None:
    """Sets the language for the rest of this task."""
    _CURRENT.set(language)


@contextmanager
def use_language(language: Language) -> Iterator[None]:
    """Sets the language for the block."""
    token = _CURRENT.set(language)
    try:
        yield
    finally:
        _CURRENT.reset(token)


class OfferedLanguages:
    """The languages that an installation offers, and its default."""

    def __init__(self, tags: Iterable[str], default: str) -> None:
        self.all = tuple(LANGUAGES[tag] for tag in tags)
        self.default = LANGUAGES[default]

    def find(self, tag: str | None) -> Language | None:
        """Returns the offered language for a tag such as `de-CH`, or None."""
        if not tag:
            return None
        wanted = tag.casefold()
        for offered in self.all:
            if offered.tag.casefold() == wanted:
                return offered
        primary = wanted.partition("-")[0]
        return next((offered for offered in self.all if offered.tag.casefold() == primary), None)

    def negotiate(self, header: str | None) -> Language | None:
        """Returns the offered language that an Accept-Language header prefers, or None (RFC 9110, 12.5.4)."""
        if not header:
            return None
        for tag in _by_preference(header[:MAX_HEADER]):
            found = self.default if tag == "*" else self.find(tag)
            if found is not None:
                return found
        return None

    def of(self, *tags: str | None) -> Language:
        """Returns the first offered language among the tags, else the default."""
        return next((found for tag in tags if (found := self.find(tag)) is not None), self.default)


def _by_preference(header: str) -> list[str]:
    """Returns the tags of the header, the most wanted first; those with a weight of zero are not wanted at all."""
    weighed: list[tuple[float, str]] = []
    for part in header.split(","):
        tag, _, parameter = part.strip().partition(";")
        weight = _weight(parameter.strip())
        if tag.strip() and weight > 0:
            weighed.append((weight, tag.strip()))
    return [tag for _, tag in sorted(weighed, key=lambda one: -one[0])]


def _weight(parameter: str) -> float:
    name, _, value = parameter.partition("=")
    if name.strip().casefold() != "q":
        return 1.0
    try:
        weight = float(value)
    except ValueError:
        return 0.0
    return weight if 0 <= weight <= 1 else 0.0
