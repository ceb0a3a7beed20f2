"""Fields without a form: a client program's own data, kept with the ticket as it came, within limits."""

from services.intake.forms.conditions import Answer
from services.intake.forms.fields.choice import MAX_CHOICES
from services.intake.forms.fields.number_date import EXACT_NUMBERS
from services.intake.forms.fields.text import MAX_LONG_TEXT
from services.intake.forms.form import MAX_FIELDS
from shared.kit.ticket_answers import MAX_ANSWERS_BYTES, size_of

MAX_NAME = 64

FieldValue = Answer | None


def within_limits(fields: object) -> object:
    """The fields, if they are what any form could take or a program may keep. Raises ValueError."""
    if not isinstance(fields, dict):
        return fields
    if len(fields) > MAX_FIELDS:
        raise ValueError(f"at most {MAX_FIELDS} fields")
    for name, content in fields.items():
        _check_field(str(name), content)
    if size_of(fields) > MAX_ANSWERS_BYTES:
        raise ValueError(f"all fields together: at most {MAX_ANSWERS_BYTES // 1024} KiB")
    return fields


def _check_field(name: str, content: object) -> None:
    if not 0 < len(name) <= MAX_NAME or not name.isprintable():
        raise ValueError(f"a field's name has 1 to {MAX_NAME} printable characters")
    match content:
        case None | bool() | float():
            return
        case int() if abs(content) < EXACT_NUMBERS:
            return
        case str() if _is_text(content, MAX_LONG_TEXT):
            return
        case list() if len(content) <= MAX_CHOICES and all(_is_text(part, MAX_NAME) for part in content):
            return
    raise ValueError(
        f"{name}: use text of at most {MAX_LONG_TEXT} characters without NUL, a number, true, false or null"
    )


def _is_text(content: object, max_length: int) -> bool:
    return isinstance(content, str) and len(content) <= max_length and "\0" not in content
