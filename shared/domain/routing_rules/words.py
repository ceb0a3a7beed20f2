"""Formats conditions as text, for evidence and pages."""

from shared.contracts.routing import (
    Condition,
    ConditionGroup,
    FormFieldCondition,
    TimeCondition,
    WordsCondition,
)

_JOINED = {"all": " and ", "any": " or ", "none": " or "}
_COMPARED = {"at_least": "at least", "at_most": "at most"}
SHOWN = 5
"""Number of values of a condition that are listed; the rest is given as a count."""


def describe_conditions(group: ConditionGroup) -> str:
    """The conditions of a group as text; empty for an empty group."""
    parts = [describe_condition(one) for one in group.conditions]
    parts += [f"({text})" for one in group.groups if (text := describe_conditions(one))]
    text = _JOINED[group.match].join(parts)
    return f"not ({text})" if parts and group.match == "none" else text


def describe_condition(one: Condition) -> str:
    """One condition as text."""
    match one:
        case TimeCondition():
            return _time(one)
        case WordsCondition():
            place = "subject or body" if one.field == "text" else one.field
            return f"{place} has {_words_sought(one.op, one.values)}"
        case FormFieldCondition():
            return _form_field(one)
        case _:
            values = [str(value) or "none" for value in one.values]
            what = {"domain": "requester's domain"}.get(one.field, one.field)
            return f"{what} {'not ' if one.op == 'is_not' else ''}{_listed(values, ' or ')}"


def _form_field(one: FormFieldCondition) -> str:
    name = f"answer {one.name}"
    match one.op:
        case "is_set":
            return f"{name} is given"
        case "is_not_set":
            return f"{name} is not given"
        case "at_least" | "at_most":
            return f"{name} is {_COMPARED[one.op]} {one.values[0]}"
        case "is" | "is_not":
            return f"{name} {'not ' if one.op == 'is_not' else ''}{_listed(one.values, ' or ')}"
        case "any" | "all" | "none":
            return f"{name} has {_words_sought(one.op, one.values)}"


def _words_sought(op: str, values: tuple[str, ...]) -> str:
    quoted = [f'"{value}"' for value in values]
    return f"{'none of ' if op == 'none' else ''}{_listed(quoted, ' and ' if op == 'all' else ' or ')}"


def _time(one: TimeCondition) -> str:
    where = "within" if one.op == "within" else "outside"
    if one.calendar is not None:
        return f"received {where} calendar {one.calendar}"
    days = ", ".join(one.days) or "every day"
    return f"received {where} {days} {one.hours[0]} to {one.hours[1]} {one.timezone}"


def _listed(values: list[str] | tuple[str, ...], joiner: str) -> str:
    shown = [*values[:SHOWN], *([f"{len(values) - SHOWN} more"] if len(values) > SHOWN else [])]
    return joiner.join(shown)
