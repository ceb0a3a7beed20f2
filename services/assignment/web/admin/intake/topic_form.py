"""Converts a topic's form between the builder's inputs and the fields that intake accepts.

Intake validates the fields. The conversion spares administrators the JSON: names and keys are derived from labels,
choices are one per line, conditions are a field and its answers.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from services.assignment.web.admin.submitted_form import SubmittedForm
from shared.kit.i18n.messages import marked as _

KINDS: Mapping[str, str] = {
    "text": _("One line"),
    "long_text": _("Several lines"),
    "choice": _("One of several"),
    "multi_choice": _("Any of several"),
    "checkbox": _("A box to tick"),
    "number": _("A number"),
    "date": _("A date"),
    "email": _("An e-mail address"),
    "phone": _("A telephone number"),
    "file": _("Files"),
}
"""Every kind of field and its name on the page."""
CHOICES = frozenset({"choice", "multi_choice"})
MOST_FIELDS = 50
NUMBERS = ("max_length", "max_files")
_NOT_A_NAME = re.compile(r"[^a-z0-9]+")
_ROW = re.compile(r"field-(\d{1,2})-kind")

Row = dict[str, Any]
"""The inputs of one field, as texts."""


def rows_in(form: SubmittedForm) -> list[Row]:
    """The submitted fields in page order."""
    places = sorted(int(found[1]) for name in form.fields if (found := _ROW.fullmatch(name)))
    return [
        {
            name.removeprefix(f"field-{place}-"): form.raw(name)
            for name in form.fields
            if name.startswith(f"field-{place}-")
        }
        for place in places[:MOST_FIELDS]
    ]


def rows_of(fields: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Stored fields as input rows."""
    known: dict[str, Mapping[str, Any]] = {field["name"]: field for field in fields}
    return [_row_of(field, known) for field in fields]


def edited(rows: list[Row], action: str) -> list[Row]:
    """Applies a builder button to the rows: `up-2`, `down-0`, `remove-1` or `add`."""
    verb, _, place = action.partition("-")
    if verb == "add" and len(rows) < MOST_FIELDS:
        return [*rows, {"kind": "text", "label": "", "name": ""}]
    at = int(place) if place.isascii() and place.isdigit() else -1
    if not 0 <= at < len(rows):
        return rows
    if verb == "remove":
        return [*rows[:at], *rows[at + 1 :]]
    to = at - 1 if verb == "up" else at + 1
    if verb in {"up", "down"} and 0 <= to < len(rows):
        rows = list(rows)
        rows[at], rows[to] = rows[to], rows[at]
    return rows


def fields_of(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """The fields to send to intake, without validation."""
    named = _with_names(rows)
    fields: list[dict[str, Any]] = []
    for row in named:
        fields.append(_field_of(row, {field["name"]: field for field in fields}))
    return fields


def name_from(label: str, taken: Sequence[str] = (), instead: str = "field") -> str:
    """A unique field name derived from a label: lower-case letters, digits and underscores."""
    plain = unicodedata.normalize("NFKD", label).encode("ascii", "ignore").decode().lower()
    base = _NOT_A_NAME.sub("_", plain).strip("_")[:50] or instead
    base = base if base[0].isalpha() else f"{instead}_{base}"
    name, number = base, 2
    while name in taken:
        name, number = f"{base}_{number}", number + 1
    return name


def place_of(location: Sequence[Any]) -> str:
    """Maps an error location in intake's body to an input: `form`, `2`, `choice`, `label` is `field-2-label`."""
    if len(location) >= 2 and location[0] == "form" and str(location[1]).isdigit():
        parts = [str(part) for part in location[2:] if str(part) not in KINDS]
        return f"field-{location[1]}-{parts[0] if parts else 'label'}"
    return str(location[0])


def _with_names(rows: Sequence[Row]) -> list[Row]:
    taken = [row["name"].strip() for row in rows if row.get("name", "").strip()]
    named = []
    for row in rows:
        name = row.get("name", "").strip()
        if not name:
            name = name_from(row.get("label", ""), taken)
            taken.append(name)
        named.append(row | {"name": name})
    return named


def _field_of(row: Row, earlier: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    kind = row.get("kind", "text")
    field: dict[str, Any] = {
        "kind": kind,
        "name": row["name"],
        "label": row.get("label", "").strip(),
        "hint": row.get("hint", "").strip(),
        "required": bool(row.get("required")),
        "visible_to": "agents" if row.get("for_agents") else "everyone",
    }
    if kind in CHOICES:
        field["choices"] = _choices_in(row.get("choices", ""))
    if kind in {"text", "long_text", "file"}:
        limit = "max_files" if kind == "file" else "max_length"
        field |= {limit: _number(row[limit])} if row.get(limit, "").strip() else {}
    if kind in {"date", "number"}:
        read = str.strip if kind == "date" else _number
        field |= {name: read(row[name]) for name in ("min", "max") if row.get(name, "").strip()}
    if kind == "number":
        field["is_whole"] = bool(row.get("is_whole"))
    if row.get("cause") in earlier:
        field["shown_if"] = _condition(earlier[row["cause"]], row.get("answers", ""))
    return field


def _choices_in(text: str) -> list[dict[str, str]]:
    """Parses choices, one per line: a label, or `key = label`."""
    choices: list[dict[str, str]] = []
    for line in filter(None, map(str.strip, text.splitlines())):
        key, separator, label = line.partition(" = ")
        if not separator:
            key, label = name_from(line, [one["key"] for one in choices], "choice"), line
        choices.append({"key": key.strip(), "label": label.strip()})
    return choices


def _condition(cause: Mapping[str, Any], text: str) -> dict[str, Any]:
    keys = {choice["label"].casefold(): choice["key"] for choice in cause.get("choices", ())}
    wanted: list[Any] = []
    for word in filter(None, map(str.strip, text.splitlines())):
        match cause["kind"]:
            case "checkbox":
                wanted.append(word.casefold() in {"yes", "true", "1", "ticked"})
            case "number":
                wanted.append(_number(word))
            case _:
                wanted.append(keys.get(word.casefold(), word))
    wanted = wanted or ([True] if cause["kind"] == "checkbox" else [])
    return (
        {"field": cause["name"], "is_one_of": wanted} if len(wanted) != 1 else {"field": cause["name"], "is": wanted[0]}
    )


def _row_of(field: Mapping[str, Any], known: Mapping[str, Mapping[str, Any]]) -> Row:
    row: Row = {name: field[name] for name in ("kind", "name", "label", "hint")}
    row |= {"required": field["required"], "for_agents": field["visible_to"] == "agents"}
    row |= {name: str(field[name]) for name in (*NUMBERS, "min", "max") if field.get(name) is not None}
    row["is_whole"] = field.get("is_whole", False)
    row["choices"] = "\n".join(map(_line_of, field.get("choices", ())))
    if condition := field.get("shown_if"):
        cause = known.get(condition["field"], {})
        labels = {choice["key"]: choice["label"] for choice in cause.get("choices", ())}
        wanted = condition.get("is_one_of") or [condition.get("is")]
        row |= {"cause": condition["field"], "answers": "\n".join(_word(one, labels) for one in wanted)}
    return row


def _line_of(choice: Mapping[str, str]) -> str:
    """Formats a choice as a line, with the key only where it cannot be derived from the label."""
    is_usual = name_from(choice["label"], (), "choice") == choice["key"]
    return choice["label"] if is_usual else f"{choice['key']} = {choice['label']}"


def _word(answer: Any, labels: Mapping[str, str]) -> str:
    if isinstance(answer, bool):
        return "yes" if answer else "no"
    return labels.get(str(answer), str(answer))


def _number(text: str) -> int | float | str:
    """Parses a number; other text is passed on, so that intake reports the error at the field."""
    plain = text.strip().replace(",", ".")
    try:
        return int(plain)
    except ValueError:
        pass
    try:
        return float(plain)
    except ValueError:
        return text.strip()
