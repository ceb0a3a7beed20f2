"""The kinds of custom fields: what each asks for, within which bounds, and what it takes for an answer."""

from typing import Annotated

from pydantic import Field

from services.intake.forms.fields.base import Audience, BaseField, first_repeated
from services.intake.forms.fields.choice import BaseChoiceField, CheckboxField, ChoiceField, MultiChoiceField, Option
from services.intake.forms.fields.files import FileField
from services.intake.forms.fields.number_date import DateField, NumberField
from services.intake.forms.fields.text import EmailField, LongTextField, PhoneField, TextField

__all__ = [
    "Audience",
    "BaseChoiceField",
    "BaseField",
    "CheckboxField",
    "ChoiceField",
    "CustomField",
    "DateField",
    "EmailField",
    "FileField",
    "LongTextField",
    "MultiChoiceField",
    "NumberField",
    "Option",
    "PhoneField",
    "TextField",
    "first_repeated",
]

CustomField = Annotated[
    TextField
    | LongTextField
    | ChoiceField
    | MultiChoiceField
    | DateField
    | NumberField
    | CheckboxField
    | EmailField
    | PhoneField
    | FileField,
    Field(discriminator="kind"),
]
"""A field of any kind, told apart by `kind`."""
