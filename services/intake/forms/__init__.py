"""Custom fields of topics, pure: their kinds, forms made of them, and the checking of answers."""

from services.intake.forms.answers import Answered, answered, format_answer
from services.intake.forms.check import Checked, check, is_shown
from services.intake.forms.conditions import Answer, ShownIf
from services.intake.forms.fields import Audience, CustomField
from services.intake.forms.form import MAX_FIELDS, NO_FORM, Fields, Form
from services.intake.forms.text_input import from_texts

__all__ = [
    "MAX_FIELDS",
    "NO_FORM",
    "Answer",
    "Answered",
    "Audience",
    "Checked",
    "CustomField",
    "Fields",
    "Form",
    "ShownIf",
    "answered",
    "check",
    "format_answer",
    "from_texts",
    "is_shown",
]
