"""Translation and formats in Jinja templates."""

from jinja2 import Environment

from shared.kit.i18n.formats import format_bytes, format_duration, format_number, format_percent, format_short_instant
from shared.kit.i18n.languages import current_language
from shared.kit.i18n.messages import gettext, ngettext, pgettext
from shared.kit.i18n.vocabulary import channel_name, metric_name, priority_name, reason_name, status_name


def translated(text: str) -> str:
    """Translates a text that is known only when the page is made; unlike `_()`, the result is escaped."""
    return gettext(str(text))


def install_translations(environment: Environment) -> None:
    """Gives templates `{% trans %}`, `_()`, the filter `translated`, and the formats of the current language.

    The result of `_("…")` is safe HTML, its values are escaped: only literals may stand in it.
    """
    environment.add_extension("jinja2.ext.i18n")
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_callables(gettext, ngettext, newstyle=True, pgettext=pgettext)  # type: ignore[attr-defined]
    environment.globals["_"] = environment.globals["gettext"]  # without a detour that every text would take
    environment.filters.update(
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
