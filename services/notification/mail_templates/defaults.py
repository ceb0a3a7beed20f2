"""The shipped default of a template as something to edit: its words in one language, with plain variables."""

import re

from services.notification.delivery.templates import TemplateName
from services.notification.mail_templates.content import TemplateContent, shipped_sources, unquoted
from shared.kit.i18n.languages import LANGUAGES, use_language
from shared.kit.i18n.messages import gettext, ngettext

_LITERAL = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'"
_VALUES = r"(?:,\s*\w+=[^{}]*?)?"
_END = r"\)\s*(?:\|\s*wrapped\s*)?\}\}"
_ONE = re.compile(rf"\{{\{{\s*_\(({_LITERAL})({_VALUES}){_END}")
_MANY = re.compile(rf"\{{\{{\s*ngettext\(({_LITERAL}),\s*({_LITERAL}),\s*([\w.]+)({_VALUES}){_END}")
_VALUE = re.compile(r"(\w+)=(.*?)(?=,\s*\w+=|$)", re.DOTALL)
_PLACEHOLDER = re.compile(r"%\((\w+)\)s|%%")
_WORDS = re.compile(r"{%\s*block words\s*%}\n?(.*?){%\s*endblock\s*%}", re.DOTALL)


def default_content(name: TemplateName, tag: str) -> TemplateContent:
    """Returns the shipped default in a language: an edit starts from the sentences that people get."""
    subject, html, text = shipped_sources(name)
    with use_language(LANGUAGES[tag]):
        return TemplateContent(_spelt_out(subject), _spelt_out(_words(html)), _spelt_out(_words(text)))


def _words(source: str) -> str:
    found = _WORDS.search(source)
    return found[1] if found else ""


def _spelt_out(source: str) -> str:
    """Replaces translated texts by the translation, their values by variables."""
    source = _ONE.sub(lambda found: _filled(gettext(unquoted(found[1])), found[2]), source)
    return _MANY.sub(_both_numbers, source)


def _both_numbers(found: re.Match[str]) -> str:
    """Returns a condition on the number; `+%}` keeps a line end that follows it."""
    one, many = unquoted(found[1]), unquoted(found[2])
    values = f"{found[4]}, num={found[3]}"
    texts = [_filled(ngettext(one, many, number), values) for number in (1, 2)]
    return f"{{% if {found[3]} == 1 %}}{texts[0]}{{% else %}}{texts[1]}{{% endif +%}}"


def _filled(text: str, values: str) -> str:
    """Puts variables where the placeholders are."""
    expressions = {name: expression.strip() for name, expression in _VALUE.findall(values.lstrip(", "))}
    return _PLACEHOLDER.sub(
        lambda found: f"{{{{ {expressions[found[1]]} }}}}" if found[1] and found[1] in expressions else "%", text
    )
