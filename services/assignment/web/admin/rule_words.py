"""When a routing rule matches, in the reader's language; in English as `describe_conditions` of the domain says it.

Evidence keeps the English words of the domain: it is written once, and read by programs.
"""

from collections.abc import Mapping, Sequence

from services.assignment.schemas.routing_rules import RoutingRuleView
from shared.contracts.routing import (
    Condition,
    ConditionGroup,
    FormFieldCondition,
    TimeCondition,
    WordsCondition,
)
from shared.contracts.vocabulary import Priority
from shared.domain.routing_rules.words import SHOWN
from shared.kit.i18n.languages import ENGLISH, current_language
from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _
from shared.kit.i18n.vocabulary import priority_name

WHAT = {
    "topic": _("topic"),
    "channel": _("channel"),
    "priority": _("priority"),
    "requester": _("requester"),
    "domain": _("requester's domain"),
    "language": _("language"),
    "subject": _("subject"),
    "body": _("body"),
    "text": _("subject or body"),
}
CHANGED = {
    "team": _("team"),
    "priority": _("priority"),
    "policy": _("policy"),
    "assignee": _("assignee"),
    "tags": _("tags"),
    "skills": _("skills"),
}
"""What a rule would route differently, as `routing_rules.preview.differences` names it."""


def words_of(rule: RoutingRuleView, topics: Mapping[str, str]) -> str:
    """Returns when a rule matches, with the names of topics."""
    parts = [gettext("topic is %(name)s", name=topics.get(rule.topic, rule.topic))] if rule.topic else []
    parts += [gettext("priority is %(name)s", name=_priority(rule.priority))] if rule.priority else []
    parts += [words] if (words := group_words(rule.conditions)) else []
    return _joined(parts, is_all=True) or gettext("any ticket")


def group_words(group: ConditionGroup) -> str:
    """Returns the conditions of a group; empty for an empty group."""
    parts = [condition_words(one) for one in group.conditions]
    parts += [f"({text})" for one in group.groups if (text := group_words(one))]
    text = _joined(parts, is_all=group.match == "all")
    return gettext("not (%(conditions)s)", conditions=text) if parts and group.match == "none" else text


def condition_words(one: Condition) -> str:
    """Returns one condition."""
    match one:
        case TimeCondition():
            return _time(one)
        case WordsCondition():
            return _sought(gettext(WHAT[one.field]), one.op, one.values)
        case FormFieldCondition():
            return _answer(one)
        case _:
            values = [_value(one.field, str(value)) for value in one.values]
            return _is(gettext(WHAT[one.field]), values, is_not=one.op == "is_not")


def _value(field: str, value: str) -> str:
    if not value:
        return gettext("none")
    return _priority(Priority(value)) if field == "priority" else value


def _priority(priority: Priority) -> str:
    return priority.value if current_language() is ENGLISH else priority_name(priority)


def _is(what: str, values: Sequence[str], *, is_not: bool) -> str:
    listed = _listed(values, is_all=False)
    if is_not:
        return gettext("%(what)s not %(values)s", what=what, values=listed)
    return gettext("%(what)s %(values)s", what=what, values=listed)


def _answer(one: FormFieldCondition) -> str:
    name = gettext("answer %(name)s", name=one.name)
    match one.op:
        case "is_set":
            return gettext("%(what)s is given", what=name)
        case "is_not_set":
            return gettext("%(what)s is not given", what=name)
        case "at_least":
            return gettext("%(what)s is at least %(value)s", what=name, value=one.values[0])
        case "at_most":
            return gettext("%(what)s is at most %(value)s", what=name, value=one.values[0])
        case "is" | "is_not":
            return _is(name, one.values, is_not=one.op == "is_not")
        case "any" | "all" | "none":
            return _sought(name, one.op, one.values)


def _sought(what: str, op: str, values: Sequence[str]) -> str:
    listed = _listed([gettext('"%(word)s"', word=value) for value in values], is_all=op == "all")
    if op == "none":
        return gettext("%(what)s has none of %(words)s", what=what, words=listed)
    return gettext("%(what)s has %(words)s", what=what, words=listed)


def _time(one: TimeCondition) -> str:
    is_within = one.op == "within"
    if one.calendar is not None:
        if is_within:
            return gettext("received within calendar %(name)s", name=one.calendar)
        return gettext("received outside calendar %(name)s", name=one.calendar)
    days = ", ".join(one.days) or gettext("every day")
    values = {"days": days, "start": one.hours[0], "end": one.hours[1], "zone": one.timezone}
    if is_within:
        return gettext("received within %(days)s %(start)s to %(end)s %(zone)s", **values)
    return gettext("received outside %(days)s %(start)s to %(end)s %(zone)s", **values)


def _listed(values: Sequence[str], *, is_all: bool) -> str:
    more = [gettext("%(count)s more", count=len(values) - SHOWN)] if len(values) > SHOWN else []
    return _joined([*values[:SHOWN], *more], is_all=is_all)


def _joined(parts: Sequence[str], *, is_all: bool) -> str:
    return (gettext(" and ") if is_all else gettext(" or ")).join(parts)
