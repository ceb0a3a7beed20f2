"""Names of the days of the week, for translation."""

from collections.abc import Mapping
from typing import Final

from shared.contracts.calendars import Weekday
from shared.kit.i18n.messages import marked as _

DAYS: Final[Mapping[Weekday, str]] = {
    "mon": _("Monday"),
    "tue": _("Tuesday"),
    "wed": _("Wednesday"),
    "thu": _("Thursday"),
    "fri": _("Friday"),
    "sat": _("Saturday"),
    "sun": _("Sunday"),
}
"""In the order of `date.weekday()`."""
SHORT_DAYS: Final[Mapping[Weekday, str]] = {
    "mon": _("Mon"),
    "tue": _("Tue"),
    "wed": _("Wed"),
    "thu": _("Thu"),
    "fri": _("Fri"),
    "sat": _("Sat"),
    "sun": _("Sun"),
}
