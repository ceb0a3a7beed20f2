"""Translation and formats in Jinja templates."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any

from jinja2 import Environment, pass_context, pass_eval_context
from jinja2.nodes import EvalContext
from markupsafe import Markup

from shared.kit.i18n.formats import format_bytes, format_duration, format_number, format_percent, format_short_instant
from shared.kit.i18n.languages import current_language
from shared.kit.i18n.messages import gettext, ngettext, pgettext
from shared.kit.i18n.vocabulary import channel_name, metric_name, priority_name, reason_name, status_name


def translated(text: str) -> str:
    """Translates a text that is known only when the page is made; unlike `_()`, the result is escaped."""
    return gettext(str(text))


@lru_cache(maxsize=4096)
def _text_of(message: str, _tag: str, *, is_html: bool) -> str:
    """Returns a message in the current language, whose tag makes it one entry of the cache."""
    return Markup(gettext(message)) if is_html else gettext(message)  # noqa: S704 - a literal of a template


@lru_cache(maxsize=4096)
def _whole_text_of(message: str, tag: str, *, is_html: bool) -> str:
    """Returns a message that has no values."""
    return _text_of(message, tag, is_html=is_html) % {}


@pass_eval_context
def _translated_literal(context: EvalContext, message: str, /, **values: Any) -> str:
    """Returns a message with its values, as Jinja's own `gettext` does, in a third of its time.

    A page has hundreds of them, a mail eight; Jinja calls through two more of its contexts for each.
    """
    find = _text_of if values else _whole_text_of
    text = find(message, current_language().tag, is_html=bool(context.autoescape))
    return text % values if values else text


def add_filters(environment: Environment, **filters: Callable[..., Any]) -> None:
    """Adds filters whose result may depend on the language: one that Jinja applied to a constant when it compiles a
    template would answer everybody in the language of the first.
    """
    environment.filters.update({name: _at_run_time(made) for name, made in filters.items()})


def _at_run_time(made: Callable[..., Any]) -> Callable[..., Any]:
    @pass_context
    @wraps(made)
    def apply(_context: object, *values: Any, **options: Any) -> Any:
        return made(*values, **options)

    return apply


def install_translations(environment: Environment) -> None:
    """Gives templates `{% trans %}`, `_()`, the filter `translated`, and the formats of the current language.

    The result of `_("…")` is safe HTML, its values are escaped: only literals may stand in it.
    """
    environment.add_extension("jinja2.ext.i18n")
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_callables(gettext, ngettext, newstyle=True, pgettext=pgettext)  # type: ignore[attr-defined]
    environment.globals.update(gettext=_translated_literal, _=_translated_literal)
    add_filters(
        environment,
        translated=translated,
        duration=format_duration,
        number=format_number,
        percent=format_percent,
        filesizeformat=format_bytes,
        short_instant=format_short_instant,
        status_name=status_name,
        priority_name=priority_name,
        metric_name=metric_name,
        reason_name=reason_name,
        channel_name=channel_name,
    )
    environment.globals.update(current_language=current_language)
