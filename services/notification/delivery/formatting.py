"""The filters that mail templates format facts with."""

import textwrap
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from services.notification.delivery import consolidated_text
from shared.kit.i18n.formats import format_instant

COLUMNS = 78


def mail_instant(at: str) -> str:
    """Formats an instant for mails."""
    return format_instant(datetime.fromisoformat(at), has_long_month=True)


@lru_cache(maxsize=256)
def wrapped(text: str) -> str:
    """Breaks the lines of a paragraph; words such as addresses stay whole."""
    return textwrap.fill(text, COLUMNS, break_long_words=False, break_on_hyphens=False)


FORMATS: Mapping[str, Callable[..., Any]] = {
    "metric": consolidated_text.metric,
    "metric_in_sentence": consolidated_text.metric_in_sentence,
    "priority": consolidated_text.priority,
    "wrapped": wrapped,
    "instant": mail_instant,
    "label": consolidated_text.label,
    "happened": consolidated_text.words,
    "account_change": consolidated_text.account_change,
}
