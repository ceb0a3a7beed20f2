"""Schemas of our models are what pydantic makes of the strings below their fields."""

from typing import Annotated, Any, ClassVar, Generic, TypeVar

import pytest
from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import JsonSchemaMode

from shared.contracts.described_models import DescribedModel, descriptions_of

T = TypeVar("T")
Slug = Annotated[str, Field(description="A short name.")]


class Described:
    """The same models twice: made by pydantic's own reading, and by ours."""

    class Theirs(BaseModel):
        model_config = ConfigDict(use_attribute_docstrings=True)

    class Ours(DescribedModel):
        pass


def models(base: type[BaseModel]) -> list[type[BaseModel]]:
    """Models in every relation to each other."""

    class Inner(base):  # type: ignore[misc, valid-type]
        """Within another."""

        kind: int
        """What it is.

        In two paragraphs.
        """

    class Plain(BaseModel):
        other: int = 0
        """Read by nobody."""

    class Outer(base):  # type: ignore[misc, valid-type]
        """Around it."""

        inner: Inner
        """A part."""
        inners: list[Inner] | None = None
        """More parts."""
        from_: int = Field(default=0, alias="from")
        """Under another name."""
        till: int = Field(default=0, serialization_alias="to", validation_alias="until")
        """Under two other names."""
        said: Annotated[str, Field(description="Said explicitly.")] = ""
        """Not this."""
        slug: Slug | None = None
        """Instead of what the type says."""
        number: int = 7
        limit: ClassVar[int] = 3
        """Not a field's."""
        itself: "Outer | None" = None
        """One of its kind."""

        def method(self) -> None:
            """Nor this."""

    class Narrower(Outer):
        number: int = 8
        inner: Inner
        added: bool = False
        """Only here."""

    class Mixed(Plain, Narrower):
        """From both."""

    class Many(base, Generic[T]):  # type: ignore[misc, valid-type]
        items: list[T]
        """All of them."""

    Outer.model_rebuild(_types_namespace={"Outer": Outer, "Inner": Inner})
    Narrower.model_rebuild(_types_namespace={"Outer": Outer, "Inner": Inner})
    Mixed.model_rebuild(_types_namespace={"Outer": Outer, "Inner": Inner})
    return [Inner, Outer, Narrower, Mixed, Many[Narrower], Many]


@pytest.mark.parametrize("mode", ["validation", "serialization"])
@pytest.mark.parametrize("by_alias", [True, False])
def test_a_schema_is_the_same_as_if_pydantic_had_read_the_strings(mode: JsonSchemaMode, *, by_alias: bool) -> None:
    for theirs, ours in zip(models(Described.Theirs), models(Described.Ours), strict=True):
        wanted: dict[str, Any] = theirs.model_json_schema(mode=mode, by_alias=by_alias)
        assert ours.model_json_schema(mode=mode, by_alias=by_alias) == wanted
        assert "description" in str(wanted)


def test_nothing_is_read_before_a_schema_is_asked_for() -> None:
    _, outer, *_ = models(DescribedModel)
    assert outer.model_fields["inner"].description is None
    assert descriptions_of(outer)["inner"] == "A part."


def test_a_model_without_source_is_described_by_nothing() -> None:
    space: dict[str, Any] = {"__name__": "nowhere", "DescribedModel": DescribedModel}
    exec("class Typed(DescribedModel):\n    kind: int\n    '''What it is.'''\n", space)
    assert "description" not in space["Typed"].model_json_schema()["properties"]["kind"]
