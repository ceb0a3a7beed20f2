"""The sandbox that edited templates are compiled and run in, with limits on time and output."""

import time
from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined, Template, select_autoescape
from jinja2.sandbox import ImmutableSandboxedEnvironment

from services.notification.delivery.formatting import FORMATS
from services.notification.template_files import TEMPLATE_FOLDER
from shared.kit.i18n.templates import add_filters, install_translations

FILTERS = frozenset({*FORMATS, "default", "join", "length", "lower", "translated", "upper"})
MOST_CHARACTERS = 4_000_000
"""Of one rendered part, the quoted message included."""
MOST_SECONDS = 2.0


class TemplateTooLarge(Exception):
    """A template wrote too much, or took too long."""


@cache
def environment(*, is_html: bool) -> ImmutableSandboxedEnvironment:
    """Returns the sandbox; HTML is escaped, text is not."""
    made = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(TEMPLATE_FOLDER),
        autoescape=select_autoescape((), default=is_html, default_for_string=is_html),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals.clear()
    install_translations(made)
    add_filters(made, **FORMATS)
    return made


def render_within_limits(template: Template, values: Mapping[str, Any]) -> str:
    """Renders a template. Raises TemplateTooLarge beyond the limits."""
    pieces: list[str] = []
    size, until = 0, time.monotonic() + MOST_SECONDS
    for piece in template.generate(values):
        size += len(piece)
        if size > MOST_CHARACTERS or time.monotonic() > until:
            raise TemplateTooLarge
        pieces.append(piece)
    return "".join(pieces)
