"""What an import of holidays changes in a calendar: decided whole, before anything is stored."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from shared.contracts.calendars import DAY_MINUTES, Holiday, MinuteSpan, window_minutes


@dataclass(frozen=True, slots=True)
class HolidayPlan:
    """The calendar's holidays after an import, and how they differ from those before."""

    holidays: tuple[Holiday, ...]
    added: tuple[Holiday, ...]
    kept: tuple[Holiday, ...]
    removed: tuple[Holiday, ...]
    taken: tuple[Holiday, ...]
    """Those that are there because the import says so; the next import from the same feed may take them back."""


def plan_import(
    own: Sequence[Holiday], imported: Sequence[Holiday], since: date, *, replace: bool, earlier: Iterable[Holiday] = ()
) -> HolidayPlan:
    """What becomes of a calendar's `own` holidays when those `imported` come in.

    `replace` drops every own one on or after `since`, which is where imports begin; otherwise only those go that the
    same feed brought `earlier`. What is closed already stays as it is.
    """
    before, brought = set(own), set(earlier)
    base = [one for one in own if one.date < since or not (replace or one in brought)]
    closed: dict[date, list[MinuteSpan]] = {}
    for one in base:
        closed.setdefault(one.date, []).extend(spans_of(one))
    taken = [one for one in imported if not covers(closed.get(one.date, []), spans_of(one))]
    after = tuple(sorted(dict.fromkeys((*base, *taken)), key=lambda one: one.date))
    return HolidayPlan(
        holidays=after,
        added=tuple(one for one in after if one not in before),
        kept=tuple(one for one in after if one in before),
        removed=tuple(one for one in own if one not in set(after)),
        taken=tuple(taken),
    )


def spans_of(holiday: Holiday) -> list[MinuteSpan]:
    """The minutes after its midnight that a holiday closes."""
    return [(0, DAY_MINUTES)] if holiday.hours is None else [window_minutes(window) for window in holiday.hours]


def covers(closed: Iterable[MinuteSpan], spans: Iterable[MinuteSpan]) -> bool:
    """True if every one of the spans is closed already."""
    whole = merged_spans(closed)
    return all(any(start <= first and last <= end for start, end in whole) for first, last in spans)


def merged_spans(spans: Iterable[MinuteSpan]) -> list[MinuteSpan]:
    """The same minutes in as few spans as possible, in order."""
    result: list[MinuteSpan] = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result
