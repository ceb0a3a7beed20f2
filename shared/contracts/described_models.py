"""Models whose fields are described by the strings below them, which are read when a schema is made and not before.

`use_attribute_docstrings` reads a class's source again as soon as it is defined: that was a fifth of what a service's
start took, and most processes never make a schema.
"""

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise

from pydantic import BaseModel, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


class DescribedModel(BaseModel):
    """Its schema is what `use_attribute_docstrings` would make it.

    A model of a query's parameters sets that nevertheless: FastAPI asks its fields, and not for its schema.
    """

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler, /) -> JsonSchemaValue:
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema).get("properties", {})
        for name, text in descriptions_of(cls).items():
            field = cls.model_fields[name]
            alias = field.serialization_alias if handler.mode == "serialization" else field.validation_alias
            for key in (alias, name):
                if isinstance(key, str) and key in properties:
                    properties[key]["description"] = text
                    break
        return schema


@cache
def descriptions_of(model: type[BaseModel]) -> Mapping[str, str]:
    """What stands below the model's fields, where nothing else describes them."""
    found = {}
    for name, field in model.model_fields.items():
        owner = next((one for one in model.__mro__ if name in inspect.get_annotations(one)), model)
        if field.description is None and issubclass(owner, DescribedModel):
            found[name] = _texts_of(owner.__module__).get(owner.__qualname__, {}).get(name)
    return {name: text for name, text in found.items() if text is not None}


@cache
def _texts_of(module: str) -> Mapping[str, Mapping[str, str]]:
    """The strings below the annotated names of each class of a module."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (KeyError, OSError, TypeError):  # typed in, or without its source
        return {}
    return {name: dict(_texts(node)) for name, node in _classes(tree)}


def _classes(node: ast.AST, place: str = "") -> Iterator[tuple[str, ast.ClassDef]]:
    for inner in ast.iter_child_nodes(node):
        match inner:
            case ast.ClassDef(name=name):
                yield f"{place}{name}", inner
                yield from _classes(inner, f"{place}{name}.")
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield from _classes(inner, f"{place}{name}.<locals>.")
            case ast.stmt():
                yield from _classes(inner, place)


def _texts(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for before, after in pairwise(node.body):
        match before, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, inspect.cleandoc(text)
