"""What a PATCH takes, derived from the whole value it changes: a new field needs no second definition."""

from typing import Annotated, Any, get_args

from pydantic import BaseModel, Field, create_model
from pydantic.fields import FieldInfo

from shared.contracts.described_models import descriptions_of
from shared.kit.http.inputs import Input


def patch_of(name: str, whole: type[BaseModel], doc: str, **more: Any) -> type[Input]:
    """A model with every field of `whole`, and `more`, each of which may be left out."""
    texts = descriptions_of(whole)
    fields: dict[str, Any] = {field: _optional(info, texts.get(field)) for field, info in whole.model_fields.items()}
    fields |= {field: (kind | None, None) for field, kind in more.items()}
    made: type[Input] = create_model(name, __base__=Input, __doc__=doc, __module__=__name__, **fields)
    return made


def nullable_in(whole: type[BaseModel]) -> frozenset[str]:
    """The fields of a value for which null means something."""
    return frozenset(name for name, info in whole.model_fields.items() if type(None) in get_args(info.annotation))


def _optional(info: FieldInfo, text: str | None) -> tuple[Any, Any]:
    kind: Any = Annotated[(info.annotation, *info.metadata)] if info.metadata else info.annotation
    return kind | None, Field(default=None, description=info.description or text)
