"""Fields that are answered in one's own words: lines, texts, addresses and numbers to call."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from services.intake.forms.conditions import Answer
from services.intake.forms.fields.base import BaseField
from shared.kit.http.inputs import Body, Email, Line, Phone, Whole

MAX_LINE = 255
MAX_LONG_TEXT = 4_000
_line, _body, _email, _phone = (TypeAdapter[str](kind) for kind in (Line, Body, Email, Phone))


class TextField(BaseField):
    """One line."""

    kind: Literal["text"]
    max_length: Annotated[Whole, Field(ge=1, le=MAX_LINE)] = MAX_LINE

    @property
    def requirement(self) -> str:
        return f"must be one line of at most {self.max_length} characters"

    def read(self, given: object) -> Answer:
        return _text(self, _line, given, self.max_length)


class LongTextField(BaseField):
    """Several lines."""

    kind: Literal["long_text"]
    max_length: Annotated[Whole, Field(ge=1, le=MAX_LONG_TEXT)] = MAX_LONG_TEXT

    @property
    def requirement(self) -> str:
        return f"must be text of at most {self.max_length} characters"

    def read(self, given: object) -> Answer:
        return _text(self, _body, given, self.max_length)


class EmailField(BaseField):
    """An e-mail address."""

    kind: Literal["email"]

    @property
    def requirement(self) -> str:
        return "must be an e-mail address, like name@example.com"

    def read(self, given: object) -> Answer:
        return _text(self, _email, given)


class PhoneField(BaseField):
    """A telephone number."""

    kind: Literal["phone"]

    @property
    def requirement(self) -> str:
        return "must be a telephone number of digits, like +49 30 1234567"

    def read(self, given: object) -> Answer:
        return _text(self, _phone, given)


def _text(field: BaseField, kind: TypeAdapter[str], given: object, max_length: int = MAX_LONG_TEXT) -> str:
    if not isinstance(given, str) or len(given) > max_length:
        raise field.refusal()
    try:
        return kind.validate_python(given)
    except ValidationError as error:
        wrong = error.errors()[0]
        is_ours = wrong["type"] == "value_error" and str(wrong["msg"]).startswith("Value error, must")
        raise ValueError(str(wrong["msg"]).removeprefix("Value error, ") if is_ours else field.requirement) from None
