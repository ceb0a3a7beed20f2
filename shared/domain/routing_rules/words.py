"""Formats conditions as text: in English for evidence, in a reader's language with another wording."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from shared.contracts.routing import (
    Condition,
    ConditionGroup,
    FormFieldCondition,
    TimeCondition,
    WordsCondition,
)
from shared.contracts.vocabulary import Priority

SHOWN = 5
"""Number of values of a condition that are listed; the rest is given as a count."""


def _untranslated(message: str, /, **values: Any) -> str:
    return message % values if values else message


@dataclass(frozen=True, slots=True)
class Wording:
    """The language of the text."""

    gettext: Callable[..., str] = _untranslated
    """Translates a message, with the values in its `%(name)s` placeholders."""
    priority: Callable[[Priority], str] = lambda priority: priority.value


ENGLISH = Wording()


def describe_conditions(group: ConditionGroup, wording: Wording = ENGLISH) -> str:
    """The conditions of a group as text; empty for an empty group."""
    parts = [describe_condition(one, wording) for one in group.conditions]
    parts += [f"({text})" for one in group.groups if (text := describe_conditions(one, wording))]
    text = joined(parts, wording, is_all=group.match == "all")
    return wording.gettext("not (%(conditions)s)", conditions=text) if parts and group.match == "none" else text


def describe_condition(one: Condition, wording: Wording = ENGLISH) -> str:
    """One condition as text."""
    match one:
        case TimeCondition():
            return _time(one, wording)
        case WordsCondition():
            return _words_sought(_field(one.field, wording), one.op, one.values, wording)
        case FormFieldCondition():
            return _form_field(one, wording)
        case _:
            values = [_value(one.field, str(value), wording) for value in one.values]
            return _is(_field(one.field, wording), values, wording, is_not=one.op == "is_not")


def joined(parts: Sequence[str], wording: Wording, *, is_all: bool) -> str:
    """Several texts as one, of which all or any hold."""
    return (wording.gettext(" and ") if is_all else wording.gettext(" or ")).join(parts)


def _field(field: str, wording: Wording) -> str:
    names = {
        "topic": wording.gettext("topic"),
        "channel": wording.gettext("channel"),
        "priority": wording.gettext("priority"),
        "requester": wording.gettext("requester"),
        "domain": wording.gettext("requester's domain"),
        "language": wording.gettext("language"),
        "subject": wording.gettext("subject"),
        "body": wording.gettext("body"),
        "text": wording.gettext("subject or body"),
    }
    return names[field]


def _value(field: str, value: str, wording: Wording) -> str:
    if not value:
        return wording.gettext("none")
    return wording.priority(Priority(value)) if field == "priority" else value


def _is(what: str, values: Sequence[str], wording: Wording, *, is_not: bool) -> str:
    listed = _listed(values, wording, is_all=False)
    if is_not:
        return wording.gettext("%(what)s not %(values)s", what=what, values=listed)
    return wording.gettext("%(what)s %(values)s", what=what, values=listed)


def _form_field(one: FormFieldCondition, wording: Wording) -> str:
    name = wording.gettext("answer %(name)s", name=one.name)
    match one.op:
        case "is_set":
            return wording.gettext("%(what)s is given", what=name)
        case "is_not_set":
            return wording.gettext("%(what)s is not given", what=name)
        case "at_least":
            return wording.gettext("%(what)s is at least %(value)s", what=name, value=one.values[0])
        case "at_most":
            return wording.gettext("%(what)s is at most %(value)s", what=name, value=one.values[0])
        case "is" | "is_not":
            return _is(name, one.values, wording, is_not=one.op == "is_not")
        case "any" | "all" | "none":
            return _words_sought(name, one.op, one.values, wording)


def _words_sought(what: str, op: str, values: Sequence[str], wording: Wording) -> str:
    quoted = [wording.gettext('"%(word)s"', word=value) for value in values]
    listed = _listed(quoted, wording, is_all=op == "all")
    if op == "none":
        return wording.gettext("%(what)s has none of %(words)s", what=what, words=listed)
    return wording.gettext("%(what)s has %(words)s", what=what, words=listed)


def _time(one: TimeCondition, wording: Wording) -> str:
    is_within = one.op == "within"
    if one.calendar is not None:
        if is_within:
            return wording.gettext("received within calendar %(name)s", name=one.calendar)
        return wording.gettext("received outside calendar %(name)s", name=one.calendar)
    days = ", ".join(one.days) or wording.gettext("every day")
    values = {"days": days, "start": one.hours[0], "end": one.hours[1], "zone": one.timezone}
    if is_within:
        return wording.gettext("received within %(days)s %(start)s to %(end)s %(zone)s", **values)
    return wording.gettext("received outside %(days)s %(start)s to %(end)s %(zone)s", **values)


def _listed(values: Sequence[str], wording: Wording, *, is_all: bool) -> str:
    more = [wording.gettext("%(count)s more", count=len(values) - SHOWN)] if len(values) > SHOWN else []
    return joined([*values[:SHOWN], *more], wording, is_all=is_all)
