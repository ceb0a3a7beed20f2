"""A topic's form: its fields in their order, and what must hold among them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any

from pydantic import AfterValidator, Field, JsonValue, TypeAdapter

from services.intake.forms.fields import Audience, BaseChoiceField, BaseField, CustomField, FileField, first_repeated

MAX_FIELDS = 50
MAX_ALL_CHOICES = 500
"""Of a form's choices together: as many boxes can be ticked on its page."""
MAX_FORMER_FIELDS = 200
"""Removed fields that are remembered, the latest."""


def _consistent(fields: tuple[CustomField, ...]) -> tuple[CustomField, ...]:
    if twice := first_repeated(field.name for field in fields):
        raise ValueError(f"two fields have the name {twice!r}")
    if sum(len(field.choices) for field in fields if isinstance(field, BaseChoiceField)) > MAX_ALL_CHOICES:
        raise ValueError(f"at most {MAX_ALL_CHOICES} choices in all fields together")
    earlier: dict[str, BaseField] = {}
    for field in fields:
        if field.shown_if and (wrong := _what_is_wrong_with(field, earlier.get(field.shown_if.field))):
            raise ValueError(f"{field.name}: {wrong}")
        earlier[field.name] = field
    return fields


def _what_is_wrong_with(field: BaseField, cause: BaseField | None) -> str | None:
    """Why a condition cannot stand. That it looks backwards only is what keeps conditions free of cycles."""
    condition = field.shown_if
    if condition is None:
        return None
    if cause is None:
        return f"shown_if refers to {condition.field!r}, which is no earlier field"
    if isinstance(cause, FileField):
        return f"shown_if cannot look into the files of {cause.name!r}"
    if cause.visible_to is Audience.AGENTS and field.visible_to is Audience.EVERYONE:
        return f"shown_if refers to {cause.name!r}, which requesters do not see"
    if not all(_is_possible(cause, wanted) for wanted in condition.wanted):
        return f"shown_if asks for an answer that {cause.name!r} cannot have: it {cause.requirement}"
    return None


def _is_possible(cause: BaseField, wanted: object) -> bool:
    if isinstance(cause, BaseChoiceField):
        return wanted in cause.keys
    try:
        cause.read(wanted)
    except ValueError:
        return False
    return True


Fields = Annotated[tuple[CustomField, ...], Field(max_length=MAX_FIELDS), AfterValidator(_consistent)]
"""The fields of one form as they come from outside; each refusal says what to change."""

_fields: TypeAdapter[tuple[CustomField, ...]] = TypeAdapter(Fields)
_loose_fields: TypeAdapter[tuple[CustomField, ...]] = TypeAdapter(tuple[CustomField, ...])


@dataclass(frozen=True)
class Form:
    """What a topic asks for beyond subject and description. The empty form asks for nothing."""

    fields: tuple[CustomField, ...] = ()

    @classmethod
    def parse(cls, stored: Any) -> "Form":
        """The form kept as JSON. Raises ValidationError for what is no form."""
        return cls(_fields.validate_python(stored))

    @classmethod
    def parse_former(cls, stored: Any) -> "Form":
        """The removed fields kept as JSON."""
        return cls(_loose_fields.validate_python(stored))

    def as_json(self) -> list[JsonValue]:
        """The form as it is kept."""
        return list(_fields.dump_python(self.fields, mode="json"))

    @cached_property
    def by_name(self) -> dict[str, CustomField]:
        """The fields by their names."""
        return {field.name: field for field in self.fields}

    def fields_for(self, audience: Audience) -> Iterator[CustomField]:
        """What an audience is asked, in order, its conditions aside."""
        return (field for field in self.fields if audience is Audience.AGENTS or field.visible_to is Audience.EVERYONE)

    def former_after(self, replaced: "Form", former: "Form") -> "Form":
        """The removed fields once this form takes the place of another, the latest first, without conditions."""
        latest = {field.name: field.model_copy(update={"shown_if": None}) for field in former.fields}
        latest |= {field.name: field.model_copy(update={"shown_if": None}) for field in replaced.fields}
        gone = [field for name, field in reversed(latest.items()) if name not in self.by_name]
        return Form(tuple(gone[:MAX_FORMER_FIELDS]))

    def __bool__(self) -> bool:
        return bool(self.fields)


NO_FORM = Form()
