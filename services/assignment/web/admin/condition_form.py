"""Converts rule conditions between groups of form rows and the API's model.

Works without script: rows are added and removed by buttons that send the form. What the form cannot show, groups in
groups, is kept as it is and shown in words.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from services.assignment.web.admin.submitted_form import FormRefused, SubmittedForm
from shared.contracts.calendars import WEEKDAYS
from shared.contracts.routing import Condition, ConditionGroup, FormFieldCondition, TimeCondition
from shared.kit.i18n.messages import gettext, translated_options
from shared.kit.i18n.messages import marked as _

MOST_GROUPS, MOST_ROWS = 10, 50
KEPT = "kept_conditions"
FIELDS = (
    ("topic", _("Topic")),
    ("channel", _("Channel")),
    ("priority", _("Priority")),
    ("requester", _("Requester's address")),
    ("domain", _("Requester's domain")),
    ("language", _("Language")),
    ("subject", _("Words in the subject")),
    ("body", _("Words in the body")),
    ("text", _("Words in subject or body")),
    ("form_field", _("Answer to a question")),
    ("calendar", _("Received in hours of a calendar")),
    ("hours", _("Received at a time of day")),
)
OPS = (
    ("is", _("is one of / within")),
    ("is_not", _("is none of / outside")),
    ("any", _("has any of the words")),
    ("all", _("has all of the words")),
    ("none", _("has none of the words")),
    ("at_least", _("is at least")),
    ("at_most", _("is at most")),
    ("is_set", _("is given")),
    ("is_not_set", _("is not given")),
)
WORDY = frozenset({"subject", "body", "text"})
TIMELY = frozenset({"calendar", "hours"})
_HOURS = re.compile(
    r"(?P<days>[a-z, -]*?)\s*(?P<start>\d{1,2}:\d{2})\s*-\s*(?P<end>\d{1,2}:\d{2})\s+(?P<zone>\S+)", re.I
)

_LOOSE = {"is": "any", "is_not": "none"}


@dataclass(frozen=True, slots=True)
class ConditionRow:
    """One condition as it stands in the form."""

    field: str = ""
    op: str = "is"
    values: str = ""
    name: str = ""

    @property
    def is_blank(self) -> bool:
        """Whether nothing was chosen."""
        return not self.field


@dataclass(frozen=True, slots=True)
class RowGroup:
    """Rows of which all, any or none must hold."""

    match: str = "all"
    rows: tuple[ConditionRow, ...] = ()


@dataclass(frozen=True, slots=True)
class ConditionForm:
    """All groups, and how they go together."""

    match: str = "all"
    groups: tuple[RowGroup, ...] = field(default_factory=lambda: (RowGroup(),))
    kept: str = ""
    """The conditions as JSON where the form cannot show them."""

    @property
    def fields(self) -> list[tuple[str, str]]:
        """What can be asked for."""
        return translated_options(FIELDS)

    @property
    def ops(self) -> list[tuple[str, str]]:
        """How it can be compared."""
        return translated_options(OPS)


def form_of(stored: ConditionGroup) -> ConditionForm:
    """Stored conditions as rows."""
    if stored.is_empty:
        return ConditionForm()
    if not stored.groups:
        return ConditionForm(groups=(_group(stored),))
    if any(group.groups for group in stored.groups):
        return ConditionForm(kept=stored.model_dump_json(exclude_defaults=True))
    own = ConditionGroup.model_construct(
        match="any" if stored.match == "none" else stored.match, conditions=stored.conditions, groups=()
    )
    groups = [own, *stored.groups] if stored.conditions else list(stored.groups)
    return ConditionForm(match=stored.match, groups=tuple(_group(group) for group in groups))


def read_form(form: SubmittedForm) -> ConditionForm:
    """The rows that were sent."""
    if form.text(KEPT):
        return ConditionForm(kept=form.text(KEPT))
    groups = []
    for number in range(MOST_GROUPS):
        if f"g{number}-match" not in form.fields:
            break
        groups.append(RowGroup(form.text(f"g{number}-match"), tuple(_sent_rows(form, number))))
    return ConditionForm(form.text("match") or "all", tuple(groups) or (RowGroup(),))


def without_blanks(rows: ConditionForm) -> ConditionForm:
    """The rows in which something was chosen, and the groups that have any."""
    groups = [RowGroup(one.match, tuple(row for row in one.rows if not row.is_blank)) for one in rows.groups]
    return ConditionForm(rows.match, tuple(one for one in groups if one.rows) or (RowGroup(),), rows.kept)


def edited(rows: ConditionForm, edit: str) -> ConditionForm:
    """The rows after a button of the form: `add-condition:0`, `add-group`, `remove:0:2`, `remove-group:1`."""
    what, *numbers = edit.split(":")
    places = [int(number) for number in numbers if number.isdigit()]
    groups = list(rows.groups)
    match what, places:
        case "add-group", [] if len(groups) < MOST_GROUPS:
            groups.append(RowGroup(rows=(ConditionRow(),)))
        case "add-condition", [group] if group < len(groups) and len(groups[group].rows) < MOST_ROWS:
            groups[group] = RowGroup(groups[group].match, (*groups[group].rows, ConditionRow()))
        case "remove-group", [group] if group < len(groups):
            del groups[group]
        case "remove", [group, row] if group < len(groups):
            left = tuple(one for number, one in enumerate(groups[group].rows) if number != row)
            groups[group] = RowGroup(groups[group].match, left)
    return ConditionForm(rows.match, tuple(groups) or (RowGroup(),), rows.kept)


def as_json(rows: ConditionForm, kept: ConditionGroup | None = None) -> dict[str, Any]:
    """The conditions as the API takes them. Raises FormRefused for hours that cannot be read."""
    if rows.kept:
        return kept.model_dump(mode="json", exclude_defaults=True) if kept else {}
    groups = [
        {
            "match": group.match,
            "conditions": [_json(row, f"g{number}-c{place}") for place, row in enumerate(group.rows)],
        }
        for number, group in enumerate(rows.groups)
    ]
    if len(groups) == 1:
        return groups[0]
    return {"match": rows.match, "groups": groups}


def field_of(place: tuple[Any, ...]) -> str:
    """The form's field for a place in the rule, such as ("conditions", "groups", 1, "conditions", 0, "words")."""
    if place[0] != "conditions":
        return str(place[0])
    numbers = [int(part) for part in place if isinstance(part, int) or (isinstance(part, str) and part.isdigit())]
    if "groups" in place and len(numbers) > 1:
        return f"g{numbers[0]}-c{numbers[1]}-values"
    return f"g0-c{numbers[0]}-values" if numbers else "match"


def _sent_rows(form: SubmittedForm, group: int) -> Iterator[ConditionRow]:
    for number in range(MOST_ROWS + 1):
        name = f"g{group}-c{number}"
        if f"{name}-field" not in form.fields:
            return
        yield ConditionRow(
            field=form.text(f"{name}-field"),
            op=form.text(f"{name}-op") or "is",
            values=form.text(f"{name}-values"),
            name=form.text(f"{name}-name"),
        )


def _group(group: ConditionGroup) -> RowGroup:
    return RowGroup(group.match, tuple(_row(one) for one in group.conditions))


def _row(one: Condition) -> ConditionRow:
    match one:
        case TimeCondition(calendar=str() as slug):
            return ConditionRow("calendar", "is" if one.op == "within" else "is_not", slug)
        case TimeCondition():
            when = f"{','.join(one.days)} {one.hours[0]}-{one.hours[1]} {one.timezone}".strip()
            return ConditionRow("hours", "is" if one.op == "within" else "is_not", when)
        case FormFieldCondition():
            return ConditionRow("form_field", one.op, ", ".join(one.values), one.name)
        case _:
            values = [str(value) or "none" for value in one.values]
            return ConditionRow(one.field, one.op, ", ".join(values))


def _json(row: ConditionRow, name: str) -> dict[str, Any]:
    """A row as the API takes it; a comparison that means the same for another kind of thing is taken as that."""
    if row.field in TIMELY:
        when = {"calendar": row.values} if row.field == "calendar" else _hours(row.values, f"{name}-values")
        return {"field": "time", "op": "outside" if row.op in {"is_not", "none"} else "within", **when}
    values = [value.strip() for value in row.values.split(",") if value.strip()]
    if row.field == "form_field":
        return {"field": row.field, "name": row.name, "op": row.op, "values": values}
    if row.field in WORDY:
        return {"field": row.field, "op": _LOOSE.get(row.op, row.op), "values": values}
    if row.field in {"language", "priority", "channel"}:
        values = [value.lower() for value in values]
    if row.field == "topic":
        values = ["" if value == "none" else value for value in values]
    return {"field": row.field, "op": {"any": "is", "none": "is_not"}.get(row.op, row.op), "values": values}


def _hours(text: str, name: str) -> Mapping[str, Any]:
    found = _HOURS.fullmatch(text.strip())
    days = _days(found["days"]) if found else None
    if found is None or days is None:
        raise FormRefused(422, ((name, gettext("Write it like this: mon-fri 09:00-17:00 Europe/Berlin")),))
    hours = [clock.zfill(5) for clock in (found["start"], found["end"])]
    return {"timezone": found["zone"], "days": days, "hours": hours}


def _days(text: str) -> list[str] | None:
    """Weekdays such as `mon-wed, sat`; none at all stand for every day. None for what is no weekday."""
    days: list[str] = []
    order: tuple[str, ...] = WEEKDAYS
    for part in (one for one in re.split(r"[,\s]+", text.lower()) if one):
        first, _, last = part.partition("-")
        last = last or first
        if first not in order or last not in order:
            return None
        start, end = order.index(first), order.index(last)
        days += order[start : end + 1] if start <= end else (*order[start:], *order[: end + 1])
    return [day for day in order if day in days]
