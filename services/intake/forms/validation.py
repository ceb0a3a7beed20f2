"""Validates answers against a form: accepted values, errors by field, and answers to fields that are not asked."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.intake.forms.conditions import Answer
from services.intake.forms.fields import Audience, BaseField
from services.intake.forms.form import Form
from shared.kit.ticket_answers import MAX_ANSWERS_BYTES, TOO_MUCH, longest_of, size_of

MISSING = "is required"
NOT_ASKED = "is asked for only after another answer to {field}"
UNKNOWN = "is not a field of this topic"


@dataclass(slots=True)
class ValidatedAnswers:
    """What became of the answers, by field; each refusal is the rest of a sentence about the field."""

    values: dict[str, Answer] = field(default_factory=dict)
    """What is kept, in the form's order. Nothing is kept of a field left empty."""
    wrong: dict[str, str] = field(default_factory=dict)
    """What must be corrected."""
    surplus: dict[str, str] = field(default_factory=dict)
    """What was given but not asked for: unknown, for agents only, or hidden by its condition."""


def check_answers(form: Form, given: Mapping[str, object], audience: Audience) -> ValidatedAnswers:
    """Reads the answers of an audience. What is hidden is neither required nor kept."""
    checked = ValidatedAnswers(surplus={name: UNKNOWN for name in given if not _is_asked(form, name, audience)})
    for asked in form.fields_for(audience):
        answer = None if _is_empty(given.get(asked.name)) else given[asked.name]
        if not is_shown(asked, checked.values):
            if answer is not None and asked.shown_if:
                checked.surplus[asked.name] = NOT_ASKED.format(field=asked.shown_if.field)
        elif answer is not None:
            _read(asked, answer, checked)
        elif asked.required:
            checked.wrong[asked.name] = MISSING
    if size_of(checked.values) > MAX_ANSWERS_BYTES:
        checked.wrong[longest_of(checked.values)] = TOO_MUCH
    return checked


def is_shown(asked: BaseField, answers: Mapping[str, Answer]) -> bool:
    """Whether a field is asked for, after these answers to the ones before it."""
    return asked.shown_if is None or asked.shown_if.holds(answers.get(asked.shown_if.field))


def _is_asked(form: Form, name: str, audience: Audience) -> bool:
    asked = form.by_name.get(name)
    return asked is not None and (audience is Audience.AGENTS or asked.visible_to is Audience.EVERYONE)


def _is_empty(given: object) -> bool:
    return given is None or given == [] or (isinstance(given, str) and not given.strip())


def _read(asked: BaseField, given: object, checked: ValidatedAnswers) -> None:
    try:
        checked.values[asked.name] = asked.read(given)
    except ValueError as refusal:
        checked.wrong[asked.name] = str(refusal)
