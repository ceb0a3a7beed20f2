"""The mail templates in `templates/`, compiled."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, DictLoader, Environment, FileSystemLoader, StrictUndefined, select_autoescape
from jinja2 import Template as JinjaTemplate

from services.notification.delivery import formatting
from services.notification.delivery.formatting import FORMATS
from services.notification.delivery.styled_templates import styled_templates
from services.notification.delivery.templates import TEMPLATES, TemplateName
from services.notification.template_files import TEMPLATE_FOLDER
from shared.kit.http.compiled_templates import CompiledTemplates
from shared.kit.i18n import templates as translated_templates
from shared.kit.i18n.templates import add_filters, install_translations

COMPILED_BY = (Path(__file__), Path(formatting.__file__), Path(translated_templates.__file__))
"""Where it is said how templates are compiled."""


class ShippedTemplates:
    """All of them, ready to render."""

    def __init__(self) -> None:
        subjects = {f"{name}.subject": template.subject for name, template in TEMPLATES.items()}
        styled = styled_templates(TEMPLATE_FOLDER, TEMPLATES)
        texts = _environment(subjects, is_html=False)
        pages = _environment({f"{name}.html": source for name, source in styled.items()}, is_html=True)
        self._subjects = {name: _quick(texts.get_template(f"{name}.subject")) for name in TEMPLATES}
        self._texts = {name: _quick(texts.get_template(f"{name}.txt")) for name in TEMPLATES}
        texts.get_template("layout.txt")  # which these extend; else it would be compiled for the first mail
        self._pages = {name: _quick(pages.get_template(f"{name}.html")) for name in TEMPLATES}
        sources = {name: styled[name] + (TEMPLATE_FOLDER / f"{name}.txt").read_text("utf-8") for name in TEMPLATES}
        self.greeting = {name for name, source in sources.items() if "recipient" in source}
        """Those that say the recipient's name."""

    def render(self, name: TemplateName, values: Mapping[str, Any]) -> tuple[str, str, str]:
        """Returns subject, text and HTML."""
        return self._subjects[name].render(values), self._texts[name].render(values), self._pages[name].render(values)


def _environment(given: Mapping[str, str], *, is_html: bool) -> Environment:
    """Returns the Jinja environment of templates that are given, or in files, with what they are compiled to kept.

    HTML templates escape, text templates do not.
    """
    environment = Environment(
        loader=ChoiceLoader([DictLoader(given), FileSystemLoader(TEMPLATE_FOLDER)]),
        autoescape=select_autoescape((), default=is_html, default_for_string=is_html),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        bytecode_cache=CompiledTemplates(TEMPLATE_FOLDER, *COMPILED_BY),
    )
    install_translations(environment)
    add_filters(environment, **FORMATS)
    return environment


def _quick(template: JinjaTemplate) -> JinjaTemplate:
    """Joins what all templates know into one dictionary, of which Jinja makes a copy for each mail."""
    template.globals = dict(template.globals)
    return template
