"""Translation by gettext catalogues."""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from typing import Any, TypeVar

from shared.kit.i18n.compiled_catalogues import compiled_catalogue
from shared.kit.i18n.languages import PSEUDO_TAG, current_language

Value = TypeVar("Value")
RIGHT_TO_LEFT, END = "\u202e", "\u202c"
_UNTOUCHED = re.compile(r"(%\(\w+\)[sd]|</?[a-z][^<>]*>)")
"""Placeholders and markup of a message."""


class PseudoTranslations(NullTranslations):
    """English, forced to run from right to left, of the messages that the catalogues have.

    Placeholders, markup and messages that no catalogue has stay as they are: what stands outside of bidirectional
    overrides on a page was not translated.
    """

    def __init__(self) -> None:
        """Reads what there is to translate."""
        super().__init__()
        self._known = frozenset(compiled_catalogue("de").places)

    def gettext(self, message: str) -> str:
        """Puts the message between overrides."""
        return self.pgettext("", message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """As `gettext`, with the English plural."""
        return _overridden(msgid1 if n == 1 else msgid2) if ("", msgid1) in self._known else msgid1

    def pgettext(self, context: str, message: str) -> str:
        """As `gettext`."""
        return _overridden(message) if (context, message) in self._known else message


def _overridden(message: str) -> str:
    parts = _UNTOUCHED.split(message)
    return "".join(
        part if position % 2 or not part.strip() else f"{RIGHT_TO_LEFT}{part}{END}"
        for position, part in enumerate(parts)
    )


@lru_cache
def _translations(tag: str) -> NullTranslations:
    if tag == PSEUDO_TAG:
        return PseudoTranslations()
    if tag == "en":
        return NullTranslations()
    return GNUTranslations(BytesIO(compiled_catalogue(tag).machine_object))


def marked(message: str) -> str:
    """Returns the message unchanged; marks it for translation where it is translated later, by `gettext`."""
    return message


def gettext(message: str, /, **values: Any) -> str:
    """Returns the message in the current language, with the values in its `%(name)s` placeholders."""
    if not message:
        return ""
    translated = _translations(current_language().tag).gettext(message)
    return translated % values if values else translated


def ngettext(one: str, many: str, count: int, /, **values: Any) -> str:
    """Returns the message in the plural form that the current language has for the count."""
    translated = _translations(current_language().tag).ngettext(one, many, count)
    return translated % values if values else translated


def pgettext(context: str, message: str, /, **values: Any) -> str:
    """Returns the message of a context: the same English word can need two translations."""
    translated = _translations(current_language().tag).pgettext(context, message)
    return translated % values if values else translated


def translated_options(options: Iterable[tuple[Value, str]]) -> list[tuple[Value, str]]:
    """Returns options, each a value and its text, with the texts in the current language."""
    return [(value, gettext(text)) for value, text in options]


def is_translated(message: str) -> bool:
    """Whether the message has a translation of its own in the current language."""
    return gettext(message) != message


@lru_cache
def script_messages(tag: str, service: str) -> Mapping[str, str]:
    """Returns the translations of the texts in the browser scripts of a service and of all, by their English text."""
    if tag == "en":
        return {}
    if tag == PSEUDO_TAG:
        return {"*": RIGHT_TO_LEFT}
    folders = (f"services/{service}/", "shared/")
    found = compiled_catalogue(tag).of_scripts
    return {text: told for text, told, files in found if any(name.startswith(folders) for name in files)}
