"""Custom fields by their variable names: what an old client wrote, as the answers that the topic's form takes."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from services.intake.forms import Answer, Audience, CustomField, Form, check_answers, from_texts
from services.intake.forms.fields import (
    BaseChoiceField,
    BaseField,
    CheckboxField,
    DateField,
    FileField,
    LongTextField,
    MultiChoiceField,
    PhoneField,
    TextField,
)
from services.intake.osticket.lines import dialled, fitting, shortened, text_line
from services.intake.osticket.refusals import OldRequestNotValid
from services.intake.osticket.request_model import OldRequest, Value

MAX_EPOCH = 2**33
NO = ("", "0", "false")
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(slots=True)
class OldAnswers:
    """The answers that are kept, and a remark for the ticket on each that is not kept as it was sent."""

    values: Mapping[str, Answer] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


@dataclass(slots=True)
class _Reading:
    """One field's texts as its form takes them, with what is told of those it does not take."""

    texts: Sequence[str]
    remarks: tuple[str, ...] = ()


def answers_in(form: Form, sent: OldRequest, *, is_binding: bool = True) -> OldAnswers:
    """The answers to what everyone is asked; what nobody asked for is left out.

    The old help desk took any text for a choice, a date or a line: what cannot be kept is a remark, even of a field
    that is required. The form of a topic that the client has not named does not bind it. Raises NotValid for what the
    old help desk refused, too: no number, no address, nothing where something must be.
    """
    given = ((one, sent.values.get(one.name)) for one in form.fields_for(Audience.EVERYONE))
    readings = {
        one.name: _read(one, value) for one, value in given if value is not None and not isinstance(one, FileField)
    }
    checked = check_answers(
        form, from_texts(form, {name: one.texts for name, one in readings.items()}), Audience.EVERYONE
    )
    taken = {name for name, one in readings.items() if one.remarks and not any(one.texts)}
    wrong = {name: detail for name, detail in checked.wrong.items() if name not in taken}
    if wrong and is_binding:
        raise OldRequestNotValid(wrong)
    remarks = [remark for one in readings.values() for remark in one.remarks]
    remarks += [
        f"{name}: {shortened(', '.join(readings[name].texts))} {detail}."
        for name, detail in wrong.items()
        if name in readings
    ]
    return OldAnswers({name: one for name, one in checked.values.items() if name not in wrong}, tuple(remarks))


def _read(asked: CustomField, value: Value) -> _Reading:
    texts = tuple(value) if isinstance(value, list) else (_text(value),)
    match asked:
        case MultiChoiceField():
            return _chosen(asked, [part for text in texts for part in _parts(asked, text)])
        case BaseChoiceField():
            return _chosen(asked, texts[-1:])
        case DateField():
            return _kept_if(asked, [_day(text) for text in texts[-1:]], _is_day, "is not a date")
        case CheckboxField():
            return _Reading(tuple("on" for text in texts if text.strip().lower() not in NO))
        case TextField() | LongTextField():
            line = text_line(texts[-1]) if texts and isinstance(asked, TextField) else "".join(texts[-1:])
            kept, remarks = fitting(asked.name, line, asked.max_length)
            return _Reading((kept,), remarks)
        case PhoneField():
            kept, remarks = dialled(asked.name, text_line("".join(texts[-1:])))
            return _Reading((kept,), remarks)
    return _Reading(texts)


def _chosen(asked: BaseChoiceField, texts: Sequence[str]) -> _Reading:
    by_label = _keys(asked)
    keys = [by_label.get(text.strip().casefold(), text.strip()) for text in texts]
    return _kept_if(asked, keys, lambda key: key in asked.keys, "is none of its choices")


def _keys(asked: BaseChoiceField) -> dict[str, str]:
    return {choice.label.casefold(): choice.key for choice in asked.choices}


def _parts(asked: BaseChoiceField, text: str) -> Sequence[str]:
    """Several choices in one text, with commas between them, unless it is one choice with a comma in it."""
    is_one = text.strip() in asked.keys or text.strip().casefold() in _keys(asked)
    return (text,) if is_one else text.split(",")


def _kept_if(asked: BaseField, texts: Sequence[str], is_kept: Callable[[str], bool], why: str) -> _Reading:
    remarks = tuple(f"{asked.name}: {shortened(text)} {why}." for text in texts if text and not is_kept(text))
    return _Reading([text for text in texts if is_kept(text)], remarks)


def _text(value: Value) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _is_day(text: str) -> bool:
    try:
        return bool(_ISO.fullmatch(text) and date.fromisoformat(text))
    except ValueError:
        return False


def _day(text: str) -> str:
    """ISO, with or without a time, or seconds since 1970; the day is that of UTC."""
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) > len("20260101") and int(text) < MAX_EPOCH:
        return datetime.fromtimestamp(int(text), UTC).date().isoformat()
    return text[:10] if len(text) > len("2026-01-01") and text[10] in "T " else text
