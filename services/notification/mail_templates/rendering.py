"""Compiles edited templates: the edited words within the shipped layout."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jinja2 import Template

from services.notification.delivery.styled_templates import styled_with_words
from services.notification.delivery.templates import TemplateName
from services.notification.mail_templates.content import TemplateContent
from services.notification.mail_templates.html_rules import sanitised
from services.notification.mail_templates.sandbox import environment, render_within_limits
from services.notification.template_files import TEMPLATE_FOLDER


@dataclass(frozen=True, slots=True)
class CompiledTemplate:
    """An edited template, ready to render."""

    subject: Template
    text: Template
    page: Template

    def render(self, values: Mapping[str, Any]) -> tuple[str, str, str]:
        """Returns subject, text and HTML. Raises TemplateTooLarge, and what Jinja raises for a missing fact."""
        parts = (render_within_limits(part, values) for part in (self.subject, self.text, self.page))
        subject, text, page = parts
        return subject, text, page


def compile_content(name: TemplateName, content: TemplateContent) -> CompiledTemplate:
    """Compiles a content that was found to be without problems."""
    texts, pages = environment(is_html=False), environment(is_html=True)
    words = content.text.rstrip("\n")
    text = f'{{% extends "{name}.txt" %}}{{% block words %}}\n{words}\n{{% endblock %}}'
    page = styled_with_words(TEMPLATE_FOLDER, name, sanitised(content.html))
    return CompiledTemplate(
        texts.from_string(content.subject.strip()), texts.from_string(text), pages.from_string(page)
    )
