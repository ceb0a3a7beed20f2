"""Fields that are answered by choosing: one of several, any of several, yes or no."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from services.intake.forms.conditions import Answer
from services.intake.forms.fields.base import BaseField, first_repeated
from shared.kit.http.inputs import Input, Line

MAX_CHOICES = 200
NAMED_CHOICES = 10
"""So many are listed where an answer is refused."""
ChoiceKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]


class Option(Input):
    """One of the answers to choose from."""

    key: ChoiceKey
    """What is kept."""
    label: Line
    """What is shown."""


class BaseChoiceField(BaseField):
    """What both kinds of choice have in common."""

    choices: Annotated[tuple[Option, ...], Field(min_length=1, max_length=MAX_CHOICES)]

    @model_validator(mode="after")
    def _distinct(self) -> "BaseChoiceField":
        if twice := first_repeated(choice.key for choice in self.choices):
            raise ValueError(f"the choice {twice!r} is there twice")
        return self

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys in their order."""
        return tuple(choice.key for choice in self.choices)

    @property
    def _known(self) -> str:
        few = ", ".join(self.keys[:NAMED_CHOICES])
        return few if len(self.keys) <= NAMED_CHOICES else f"{few} …"


class ChoiceField(BaseChoiceField):
    """One of several."""

    kind: Literal["choice"]

    @property
    def requirement(self) -> str:
        return f"must be one of its choices: {self._known}"

    def read(self, given: object) -> Answer:
        if not isinstance(given, str) or given not in self.keys:
            raise self.refusal()
        return given


class MultiChoiceField(BaseChoiceField):
    """Any of several, as a list."""

    kind: Literal["multi_choice"]

    @property
    def requirement(self) -> str:
        return f"must be a list of its choices: {self._known}"

    def read(self, given: object) -> Answer:
        if not isinstance(given, list) or any(key not in self.keys for key in given):
            raise self.refusal()
        return [key for key in self.keys if key in given]


class CheckboxField(BaseField):
    """Yes or no."""

    kind: Literal["checkbox"]

    @property
    def requirement(self) -> str:
        return "must be ticked" if self.required else "must be true or false"

    def read(self, given: object) -> Answer:
        if not isinstance(given, bool) or (self.required and not given):
            raise self.refusal()
        return given
