"""Custom fields by their variable names: what an old client wrote, as the answers that the topic's form takes."""

from collections.abc import Mapping
from datetime import UTC, datetime

from services.intake.forms import Answer, Audience, CustomField, Form, check_answers, from_texts
from services.intake.forms.fields import BaseChoiceField, CheckboxField, DateField, FileField
from services.intake.osticket.refusals import OldRequestNotValid
from services.intake.osticket.request_model import OldRequest, Value

MAX_EPOCH = 2**33
NO = ("", "0", "false")


def answers_in(form: Form, sent: OldRequest) -> Mapping[str, Answer]:
    """The answers to what everyone is asked. Raises NotValid; what nobody asked for is left out."""
    given = ((field, sent.values.get(field.name)) for field in form.fields if not isinstance(field, FileField))
    texts = {field.name: _texts(field, value) for field, value in given if value is not None}
    checked = check_answers(form, from_texts(form, texts), Audience.EVERYONE)
    if checked.wrong:
        raise OldRequestNotValid(checked.wrong)
    return checked.values


def _texts(field: CustomField, value: Value) -> tuple[str, ...]:
    texts = tuple(value) if isinstance(value, list) else (_text(value),)
    match field:
        case BaseChoiceField():
            keys = {choice.label.casefold(): choice.key for choice in field.choices}
            return tuple(keys.get(text.strip().casefold(), text) for text in texts)
        case DateField():
            return tuple(_day(text) for text in texts)
        case CheckboxField():
            return tuple("on" for text in texts if text.strip().lower() not in NO)
    return texts


def _text(value: Value) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _day(text: str) -> str:
    """ISO, with or without a time, or seconds since 1970; the day is that of UTC."""
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) > len("20260101") and int(text) < MAX_EPOCH:
        return datetime.fromtimestamp(int(text), UTC).date().isoformat()
    return text[:10] if len(text) > len("2026-01-01") and text[10] in "T " else text
