"""The kinds of custom fields: what each asks for, within which bounds, and what it takes for an answer."""

from typing import Annotated

from pydantic import Field

from services.intake.forms.kinds.asked import Asked, Audience, first_repeated
from services.intake.forms.kinds.chosen import CheckboxField, Choice, ChoiceField, Choosing, MultiChoiceField
from services.intake.forms.kinds.files import FileField
from services.intake.forms.kinds.measured import DateField, NumberField
from services.intake.forms.kinds.written import EmailField, LongTextField, PhoneField, TextField

__all__ = [
    "Asked",
    "Audience",
    "CheckboxField",
    "Choice",
    "ChoiceField",
    "Choosing",
    "CustomField",
    "DateField",
    "EmailField",
    "FileField",
    "LongTextField",
    "MultiChoiceField",
    "NumberField",
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
