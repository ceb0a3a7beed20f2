"""The kinds of custom fields: what each asks for, within which bounds, and what it takes for an answer."""

import re
from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError, model_validator

from services.intake.forms.conditions import Answer, FieldName, ShownIf
from shared.kit.http.inputs import Body, Email, Input, Line, Phone

MAX_LINE = 255
MAX_LONG_TEXT = 4_000
MAX_CHOICES = 200
MAX_FILES = 10
EXACT_NUMBERS = 2**53
"""Beyond it, JSON numbers lose digits on their way through other programs."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_line, _body, _email, _phone = (TypeAdapter[str](kind) for kind in (Line, Body, Email, Phone))

Hint = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00-\x1f\x7f]*$")]
ChoiceKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Bound = Annotated[int | float, Field(ge=-EXACT_NUMBERS, le=EXACT_NUMBERS, allow_inf_nan=False)]


class Audience(StrEnum):
    """For whom a field is: everyone, or agents and the client programs that speak for them."""

    EVERYONE = "everyone"
    AGENTS = "agents"


class Asked(Input):
    """What every custom field says about itself."""

    name: FieldName
    """The key in a ticket's `fields`."""
    label: Line
    hint: Hint = ""
    """How to answer, in a sentence."""
    required: bool = False
    """A checkbox that is required must be ticked."""
    visible_to: Audience = Audience.EVERYONE
    """What is for agents is neither shown to requesters nor taken from them."""
    shown_if: ShownIf | None = None
    """Ask only if an earlier field was answered so."""

    @property
    def requirement(self) -> str:
        """What an answer must be, as the rest of a sentence about it."""
        raise NotImplementedError

    def read(self, given: object) -> Answer:
        """The answer as it is kept. Raises ValueError with the requirement it misses."""
        raise NotImplementedError

    def refusal(self) -> ValueError:
        """What is raised for an answer that will not do."""
        return ValueError(self.requirement)


class TextField(Asked):
    """One line."""

    kind: Literal["text"]
    max_length: Annotated[int, Field(ge=1, le=MAX_LINE)] = MAX_LINE

    @property
    def requirement(self) -> str:
        return f"must be one line of at most {self.max_length} characters"

    def read(self, given: object) -> Answer:
        return _text(self, _line, given, self.max_length)


class LongTextField(Asked):
    """Several lines."""

    kind: Literal["long_text"]
    max_length: Annotated[int, Field(ge=1, le=MAX_LONG_TEXT)] = MAX_LONG_TEXT

    @property
    def requirement(self) -> str:
        return f"must be text of at most {self.max_length} characters"

    def read(self, given: object) -> Answer:
        return _text(self, _body, given, self.max_length)


class EmailField(Asked):
    """An e-mail address."""

    kind: Literal["email"]

    @property
    def requirement(self) -> str:
        return "must be an e-mail address, like name@example.com"

    def read(self, given: object) -> Answer:
        return _text(self, _email, given)


class PhoneField(Asked):
    """A telephone number."""

    kind: Literal["phone"]

    @property
    def requirement(self) -> str:
        return "must be a telephone number of digits, like +49 30 1234567"

    def read(self, given: object) -> Answer:
        return _text(self, _phone, given)


class Choice(Input):
    """One of the answers to choose from."""

    key: ChoiceKey
    """What is kept."""
    label: Line
    """What is shown."""


class Choosing(Asked):
    """What both kinds of choice have in common."""

    choices: Annotated[tuple[Choice, ...], Field(min_length=1, max_length=MAX_CHOICES)]

    @model_validator(mode="after")
    def _distinct(self) -> "Choosing":
        if twice := first_repeated(choice.key for choice in self.choices):
            raise ValueError(f"the choice {twice!r} is there twice")
        return self

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys in their order."""
        return tuple(choice.key for choice in self.choices)

    @property
    def _known(self) -> str:
        few = ", ".join(self.keys[:10])
        return few if len(self.keys) <= 10 else f"{few} …"


class ChoiceField(Choosing):
    """One of several."""

    kind: Literal["choice"]

    @property
    def requirement(self) -> str:
        return f"must be one of its choices: {self._known}"

    def read(self, given: object) -> Answer:
        if not isinstance(given, str) or given not in self.keys:
            raise self.refusal()
        return given


class MultiChoiceField(Choosing):
    """Any of several, as a list."""

    kind: Literal["multi_choice"]

    @property
    def requirement(self) -> str:
        return f"must be a list of its choices: {self._known}"

    def read(self, given: object) -> Answer:
        if not isinstance(given, list) or any(key not in self.keys for key in given):
            raise self.refusal()
        return [key for key in self.keys if key in given]


class DateField(Asked):
    """A day of the calendar."""

    kind: Literal["date"]
    min: date | None = None
    max: date | None = None

    @model_validator(mode="after")
    def _ordered(self) -> "DateField":
        if self.min and self.max and self.min > self.max:
            raise ValueError("min must not be after max")
        return self

    @property
    def requirement(self) -> str:
        return f"must be a date, YYYY-MM-DD{_between(self.min, self.max)}"

    def read(self, given: object) -> Answer:
        if not isinstance(given, str) or not _DATE.fullmatch(given):
            raise self.refusal()
        try:
            day = date.fromisoformat(given)
        except ValueError:
            raise self.refusal() from None
        if (self.min and day < self.min) or (self.max and day > self.max):
            raise self.refusal()
        return given


class NumberField(Asked):
    """A number, with or without a fraction."""

    kind: Literal["number"]
    min: Bound | None = None
    max: Bound | None = None
    is_whole: bool = False
    """Without a fraction."""

    @model_validator(mode="after")
    def _ordered(self) -> "NumberField":
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min must not be greater than max")
        return self

    @property
    def requirement(self) -> str:
        return f"must be a {'whole ' if self.is_whole else ''}number{_between(self.min, self.max)}"

    def read(self, given: object) -> Answer:
        if isinstance(given, bool) or not isinstance(given, int | float) or not abs(given) < EXACT_NUMBERS:
            raise self.refusal()
        if self.is_whole and given != int(given):
            raise self.refusal()
        if (self.min is not None and given < self.min) or (self.max is not None and given > self.max):
            raise self.refusal()
        return int(given) if self.is_whole else given


class CheckboxField(Asked):
    """Yes or no."""

    kind: Literal["checkbox"]

    @property
    def requirement(self) -> str:
        return "must be ticked" if self.required else "must be true or false"

    def read(self, given: object) -> Answer:
        if not isinstance(given, bool) or (self.required and not given):
            raise self.refusal()
        return given


class FileField(Asked):
    """Files, uploaded before; the answer is a list of their ids."""

    kind: Literal["file"]
    max_files: Annotated[int, Field(ge=1, le=MAX_FILES)] = 1

    @property
    def requirement(self) -> str:
        return "must be one file" if self.max_files == 1 else f"must be at most {self.max_files} files"

    def read(self, given: object) -> Answer:
        if not isinstance(given, list) or len(given) > self.max_files:
            raise self.refusal()
        try:
            ids = [str(UUID(file)) for file in given]
        except (ValueError, AttributeError, TypeError):
            raise ValueError("must be a list of the ids of uploaded files") from None
        if first_repeated(ids):
            raise ValueError("must not name a file twice")
        return list(ids)


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


def first_repeated(words: Iterable[str]) -> str | None:
    """The first word that was there before."""
    seen: set[str] = set()
    for word in words:
        if word in seen:
            return word
        seen.add(word)
    return None


def _text(field: Asked, kind: TypeAdapter[str], given: object, max_length: int = MAX_LONG_TEXT) -> str:
    if not isinstance(given, str) or len(given) > max_length:
        raise field.refusal()
    try:
        return kind.validate_python(given)
    except ValidationError as error:
        wrong = error.errors()[0]
        is_ours = wrong["type"] == "value_error" and str(wrong["msg"]).startswith("Value error, must")
        raise ValueError(str(wrong["msg"]).removeprefix("Value error, ") if is_ours else field.requirement) from None


def _between(low: object | None, high: object | None) -> str:
    match low, high:
        case None, None:
            return ""
        case _, None:
            return f" not below {low}"
        case None, _:
            return f" not above {high}"
    return f" from {low} to {high}"
