"""Answers that come as text, from HTML forms and old clients, brought into the types a form wants."""

import re
from collections.abc import Mapping, Sequence

from services.intake.forms.fields import BaseField, CheckboxField, FileField, MultiChoiceField, NumberField
from services.intake.forms.form import Form

YES = frozenset({"1", "true", "yes", "on"})
NO = frozenset({"", "0", "false", "no", "off"})
_WHOLE = re.compile(r"[+-]?[0-9]{1,16}")
_FRACTION = re.compile(r"[+-]?[0-9]{0,16}\.[0-9]{1,16}")


def from_texts(form: Form, texts: Mapping[str, Sequence[str]]) -> dict[str, object]:
    """The answers in texts as `check` takes them; what cannot be read stays text and is refused there.

    A checkbox that was not sent is not ticked: that is how browsers say so.
    """
    return {
        field.name: _answer(field, [text.strip() for text in texts.get(field.name, ())])
        for field in form.fields
        if field.name in texts or isinstance(field, CheckboxField)
    }


def _answer(field: BaseField, texts: Sequence[str]) -> object:
    match field:
        case MultiChoiceField() | FileField():
            return [text for text in texts if text]
        case CheckboxField():
            return _checkbox(texts[-1] if texts else "", is_required=field.required)
        case NumberField():
            return _number(texts[-1] if texts else "")
        case _:
            return texts[-1] if texts else ""


def _checkbox(text: str, *, is_required: bool) -> object:
    if text.lower() in YES:
        return True
    if text.lower() in NO:
        return None if is_required else False
    return text


def _number(text: str) -> object:
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _FRACTION.fullmatch(text) else text
