"""Compiles conditions into Python functions once, so that fifty rules are evaluated in a fraction of a millisecond."""

import re
from collections.abc import Callable, Iterable, Mapping

from pydantic import JsonValue

from shared.contracts.calendars import WEEKDAYS, AnyCalendar, BusinessCalendar, WeeklyHours
from shared.contracts.routing import (
    ChannelCondition,
    Condition,
    ConditionGroup,
    DomainCondition,
    FormFieldCondition,
    LanguageCondition,
    PriorityCondition,
    RequesterCondition,
    TimeCondition,
    TopicCondition,
    WordsCondition,
)
from shared.domain.business_time import is_open
from shared.domain.routing_rules.facts import Phrase, TicketFacts, Words, folded

Predicate = Callable[[TicketFacts], bool]
Calendars = Mapping[str, AnyCalendar]
_NUMBER = re.compile(r"[+-]?\d{1,18}(\.\d{1,9})?")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def compiled(group: ConditionGroup, calendars: Calendars) -> Predicate:
    """Compiles a group into a predicate on a ticket's facts; an empty group is always true.

    A condition on a calendar missing from `calendars` is false, for `within` and `outside` alike.
    """
    parts = [_condition(one, calendars) for one in group.conditions]
    parts += [compiled(one, calendars) for one in group.groups if not one.is_empty]
    if not parts:
        return lambda _: True
    if len(parts) == 1 and group.match != "none":
        return parts[0]
    match group.match:
        case "all":
            return lambda facts: all(holds(facts) for holds in parts)
        case "any":
            return lambda facts: any(holds(facts) for holds in parts)
        case "none":
            return lambda facts: not any(holds(facts) for holds in parts)


def _condition(one: Condition, calendars: Calendars) -> Predicate:
    match one:
        case TopicCondition():
            return _is(one.op, frozenset(one.values), lambda facts: facts.topic or "")
        case ChannelCondition():
            return _is(one.op, frozenset(one.values), lambda facts: facts.channel)
        case PriorityCondition():
            return _is(one.op, frozenset(one.values), lambda facts: facts.priority)
        case RequesterCondition():
            return _is(one.op, frozenset(one.values), lambda facts: facts.address)
        case LanguageCondition():
            return _is(one.op, frozenset(one.values), lambda facts: facts.language)
        case DomainCondition():
            return _domain(one)
        case WordsCondition():
            return _words(one)
        case FormFieldCondition():
            return _form_field(one)
        case TimeCondition():
            return _time(one, calendars)


def _is(op: str, values: frozenset[object], read: Callable[[TicketFacts], object]) -> Predicate:
    if op == "is":
        return lambda facts: read(facts) in values
    return lambda facts: read(facts) not in values


def _domain(one: DomainCondition) -> Predicate:
    exact = frozenset(value for value in one.values if not value.startswith("*."))
    below = tuple(value[1:] for value in one.values if value.startswith("*."))
    wanted = one.op == "is"
    return lambda facts: (facts.domain in exact or (bool(below) and facts.domain.endswith(below))) is wanted


def _words(one: WordsCondition) -> Predicate:
    phrases = tuple(Phrase(value) for value in one.values)

    def have(facts: TicketFacts, phrase: Phrase) -> bool:
        if one.field != "body" and facts.subject_words.have(phrase):
            return True
        return one.field != "subject" and facts.body_words.have(phrase)

    match one.op:
        case "any":
            return lambda facts: any(have(facts, phrase) for phrase in phrases)
        case "all":
            return lambda facts: all(have(facts, phrase) for phrase in phrases)
        case "none":
            return lambda facts: not any(have(facts, phrase) for phrase in phrases)


def _form_field(one: FormFieldCondition) -> Predicate:
    name = one.name
    if one.op in {"is_set", "is_not_set"}:
        wanted = one.op == "is_set"
        return lambda facts: bool(_answers(facts.fields.get(name))) is wanted
    if one.op in {"is", "is_not"}:
        values, wanted = frozenset(folded(value) for value in one.values), one.op == "is"
        return lambda facts: any(folded(text) in values for text in _answers(facts.fields.get(name))) is wanted
    if one.op in {"at_least", "at_most"}:
        return lambda facts: any(_compares(one.op, text, one.values[0]) for text in _answers(facts.fields.get(name)))
    phrases, op = tuple(Phrase(value) for value in one.values), one.op

    def have(facts: TicketFacts) -> bool:
        words = Words("\n".join(_answers(facts.fields.get(name))))
        found = (words.have(phrase) for phrase in phrases)
        return all(found) if op == "all" else any(found) is (op == "any")

    return have


def _answers(value: JsonValue) -> list[str]:
    """A form answer as a list of texts; empty where it was not answered."""
    match value:
        case None | "":
            return []
        case bool():
            return ["yes", "true"] if value else ["no", "false"]
        case list():
            return [text for one in value for text in _answers(one)]
        case dict():
            return [text for one in value.values() for text in _answers(one)]
        case float() if value.is_integer():
            return [str(int(value))]
    return [str(value)]


def _compares(op: str, answer: str, bound: str) -> bool:
    """Compares numbers with numbers and dates with dates; other pairs are not comparable and give false."""
    answer = answer.strip()
    if _NUMBER.fullmatch(answer) and _NUMBER.fullmatch(bound):
        return float(answer) >= float(bound) if op == "at_least" else float(answer) <= float(bound)
    if _DATE.match(answer) and _DATE.fullmatch(bound):
        return answer[:10] >= bound if op == "at_least" else answer[:10] <= bound
    return False


def _time(one: TimeCondition, calendars: Calendars) -> Predicate:
    calendar = calendars.get(one.calendar) if one.calendar is not None else _weekly(one)
    if calendar is None:
        return lambda _: False
    wanted, hours = one.op == "within", calendar
    return lambda facts: is_open(hours, facts.received_at) is wanted


def _weekly(one: TimeCondition) -> BusinessCalendar:
    """Weekly hours as a calendar, so that business-time arithmetic is used for both."""
    days = dict.fromkeys(one.days or WEEKDAYS, (one.hours,))
    return BusinessCalendar(timezone=one.timezone or "UTC", weekly=WeeklyHours.model_validate(days))


def calendars_named(groups: Iterable[ConditionGroup]) -> set[str]:
    """Slugs of the calendars that the conditions refer to."""
    return {
        one.calendar
        for group in groups
        for one in group.walk()
        if isinstance(one, TimeCondition) and one.calendar is not None
    }
