"""Answers as people read them: under the labels of their fields, even when the form has changed since."""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from services.intake.forms.fields import Audience, BaseChoiceField, CustomField, FileField
from services.intake.forms.form import Form
from shared.kit.i18n.messages import gettext


@dataclass(frozen=True, slots=True)
class AnsweredField:
    """One answer, in words."""

    name: str
    label: str
    text: str


def answered_fields(form: Form, former: Form, kept: Mapping[str, object], audience: Audience) -> list[AnsweredField]:
    """What an audience may read of the answers a ticket keeps: those to today's fields, then to removed ones.

    Files are left out: they are shown as files. So is what never was a field: it is a client program's own data.
    """
    removed = Form(tuple(field for field in former.fields if field.name not in form.by_name))
    fields = (*form.fields_for(audience), *removed.fields_for(audience))
    return [
        AnsweredField(field.name, field.label, text)
        for field in fields
        if not isinstance(field, FileField) and (text := format_answer(field, kept.get(field.name)))
    ]


def format_answer(field: CustomField, answer: object) -> str:
    """One answer as text, with the labels of what was chosen; empty if there is none."""
    if answer is None:
        return ""
    if isinstance(answer, bool):
        return gettext("Yes") if answer else gettext("No")
    labels = {choice.key: choice.label for choice in field.choices} if isinstance(field, BaseChoiceField) else {}
    parts = answer if isinstance(answer, list) else [answer]
    return ", ".join(labels.get(str(part), str(part)) for part in parts)


def files_in(form: Form, kept: Mapping[str, object]) -> dict[UUID, str]:
    """The files that answer fields, each with the field's name."""
    asked = {field.name: kept.get(field.name) for field in form.fields if isinstance(field, FileField)}
    return {UUID(str(file)): name for name, files in asked.items() if isinstance(files, list) for file in files}
