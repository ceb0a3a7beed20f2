"""How long a policy may let pass: whole seconds, or whole working days of its calendar."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Discriminator, Field, Tag
from pydantic_core import PydanticCustomError

from shared.contracts.base import StrictModel

YEAR = 366 * 86_400
MOST_DAYS = 366
SECONDS, DAYS = "(seconds)", "(days)"
"""Names of the two forms; in brackets, so that they are told from fields where an error is located."""


class WorkingDays(StrictModel):
    """Until the same local time so many open days later, moved into open time."""

    working_days: Annotated[int, Field(ge=1, le=MOST_DAYS, strict=True)]

    def __str__(self) -> str:
        return "1 working day" if self.working_days == 1 else f"{self.working_days} working days"


def _unit(value: Any) -> str:
    return DAYS if isinstance(value, dict | WorkingDays) else SECONDS


def _check_form(value: Any) -> Any:
    """Raises an error that names both forms: `"2 days"` and `1.5` are neither."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise PydanticCustomError("duration_type", 'Give whole seconds, or {"working_days": n}')
    return value


_Form = BeforeValidator(_check_form)
_Days = Annotated[WorkingDays, Tag(DAYS)]
_unit_of = Discriminator(_unit)

PositiveDuration = Annotated[
    Annotated[Annotated[int, Field(gt=0, le=YEAR, strict=True), _Form], Tag(SECONDS)] | _Days, _unit_of
]
"""Whole seconds, or `{"working_days": n}`."""
AnyDuration = Annotated[
    Annotated[Annotated[int, Field(ge=0, le=YEAR, strict=True), _Form], Tag(SECONDS)] | _Days, _unit_of
]
"""The same; 0 for at once, or never."""
RepeatDuration = Annotated[
    Annotated[Annotated[int, Field(ge=60, le=YEAR, strict=True), _Form], Tag(SECONDS)] | _Days, _unit_of
]
"""The same; a minute at least."""

Duration = int | WorkingDays
