"""When a field is asked for at all: only if an earlier one was answered so."""

from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from shared.kit.http.inputs import Input

MAX_WANTED = 200

Answer = str | int | float | bool | list[str]
"""What is kept of one field: a list for the kinds that take several values."""

FieldName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
"""The key of a field among a ticket's `fields`."""
ExpectedAnswers = Annotated[str, StringConstraints(min_length=1, max_length=255)] | bool | int | float


class ShownIf(Input):
    """A condition on an earlier field; a list counts as answered so if any of its values is wanted."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=False)

    field: FieldName
    """The name of the earlier field."""
    is_: Annotated[ExpectedAnswers | None, Field(alias="is")] = None
    """The one answer."""
    is_one_of: Annotated[tuple[ExpectedAnswers, ...] | None, Field(min_length=1, max_length=MAX_WANTED)] = None
    """Or several answers, any of which will do."""

    @model_validator(mode="after")
    def _one_way(self) -> "ShownIf":
        if (self.is_ is None) == (self.is_one_of is None):
            raise ValueError("give either `is` or `is_one_of`")
        return self

    @property
    def wanted(self) -> tuple[ExpectedAnswers, ...]:
        """The answers that make the field be shown."""
        return self.is_one_of if self.is_one_of is not None else (self.is_,) if self.is_ is not None else ()

    def holds(self, answer: Answer | None) -> bool:
        """Whether the earlier field's answer is a wanted one; no answer never is."""
        answers = answer if isinstance(answer, list) else [answer]
        return any(_same(given, wanted) for given in answers for wanted in self.wanted)


def _same(given: object, wanted: ExpectedAnswers) -> bool:
    """Equal, but true is not 1."""
    return isinstance(given, bool) == isinstance(wanted, bool) and given == wanted
