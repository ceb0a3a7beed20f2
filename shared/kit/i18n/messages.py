"""Translation by gettext catalogues, compiled in memory when they are first used: a compiled file can be outdated."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from shared.kit.i18n.languages import PSEUDO_TAG, current_language

CATALOGUES = Path(__file__).parent / "catalogues"
Value = TypeVar("Value")
RIGHT_TO_LEFT, END = "\u202e", "\u202c"


class PseudoTranslations(NullTranslations):
    """English, forced to run from right to left."""

    def gettext(self, message: str) -> str:
        """Wraps the message in a bidirectional override, which leaves markup and placeholders as they are."""
        return f"{RIGHT_TO_LEFT}{message}{END}"

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """As `gettext`, with the English plural."""
        return self.gettext(msgid1 if n == 1 else msgid2)

    def pgettext(self, context: str, message: str) -> str:  # noqa: ARG002 - the signature of gettext
        """As `gettext`."""
        return self.gettext(message)


def read_catalogue(tag: str) -> Catalog:
    """Returns the catalogue of a language as it is in its file."""
    with (CATALOGUES / tag / "everdesk.po").open("rb") as file:
        return read_po(file, locale=tag.replace("-", "_"), domain="everdesk")


@lru_cache
def _translations(tag: str) -> NullTranslations:
    if tag == PSEUDO_TAG:
        return PseudoTranslations()
    if tag == "en":
        return NullTranslations()
    compiled = BytesIO()
    write_mo(compiled, read_catalogue(tag))
    compiled.seek(0)
    return GNUTranslations(compiled)


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
def script_messages(tag: str) -> Mapping[str, str]:
    """Returns the translations of the texts in browser scripts, by their English text."""
    if tag == "en":
        return {}
    if tag == PSEUDO_TAG:
        return {"*": RIGHT_TO_LEFT}
    return {str(one.id): str(one.string) for one in read_catalogue(tag) if _is_of_script(one)}


def _is_of_script(message: Message) -> bool:
    is_plain = bool(message.id) and isinstance(message.id, str) and bool(message.string) and not message.fuzzy
    return is_plain and any(name.endswith(".js") for name, _ in message.locations)
