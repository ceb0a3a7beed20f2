"""Custom fields of topics, pure: their kinds, forms made of them, and the checking of answers."""

from services.intake.forms.answers import AnsweredField, answered_fields, format_answer
from services.intake.forms.conditions import Answer, ShownIf
from services.intake.forms.fields import Audience, CustomField
from services.intake.forms.form import MAX_FIELDS, NO_FORM, Fields, Form
from services.intake.forms.text_input import from_texts
from services.intake.forms.validation import ValidatedAnswers, check_answers, is_shown

__all__ = [
    "MAX_FIELDS",
    "NO_FORM",
    "Answer",
    "AnsweredField",
    "Audience",
    "CustomField",
    "Fields",
    "Form",
    "ShownIf",
    "ValidatedAnswers",
    "answered_fields",
    "check_answers",
    "format_answer",
    "from_texts",
    "is_shown",
]
