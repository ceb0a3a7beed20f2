"""Fields that are answered with a day or a number, within bounds."""

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, model_validator

from services.intake.forms.conditions import Answer
from services.intake.forms.fields.base import BaseField, between
from shared.kit.http.inputs import Flag

EXACT_NUMBERS = 2**53
"""Beyond it, JSON numbers lose digits on their way through other programs."""
Bound = Annotated[int | float, Field(ge=-EXACT_NUMBERS, le=EXACT_NUMBERS, allow_inf_nan=False)]
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class DateField(BaseField):
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
        return f"must be a date, YYYY-MM-DD{between(self.min, self.max)}"

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


class NumberField(BaseField):
    """A number, with or without a fraction."""

    kind: Literal["number"]
    min: Bound | None = None
    max: Bound | None = None
    is_whole: Flag = False
    """Without a fraction."""

    @model_validator(mode="after")
    def _ordered(self) -> "NumberField":
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("min must not be greater than max")
        return self

    @property
    def requirement(self) -> str:
        return f"must be a {'whole ' if self.is_whole else ''}number{between(self.min, self.max)}"

    def read(self, given: object) -> Answer:
        if isinstance(given, bool) or not isinstance(given, int | float) or not abs(given) < EXACT_NUMBERS:
            raise self.refusal()
        if self.is_whole and given != int(given):
            raise self.refusal()
        if (self.min is not None and given < self.min) or (self.max is not None and given > self.max):
            raise self.refusal()
        return int(given) if self.is_whole else given
