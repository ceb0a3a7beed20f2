"""SCIM PATCH (RFC 7644, section 3.5.2), including the variants that directories send."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from services.assignment.access.scim.documents import (
    AttributeSpec,
    DocumentKind,
    Json,
    items_of,
    normal_value,
    part_value,
)
from services.assignment.access.scim.errors import bad_request
from services.assignment.access.scim.filters import AttributePath, Filter, matches, parse_filter, required_texts
from services.assignment.access.scim.names import FIXED

MAX_OPERATIONS = 1_000
_FILTERED = re.compile(r"^(?P<path>[^\[\]]+)\[(?P<filter>.*)\](?:\.(?P<part>[A-Za-z$][\w$-]*))?$", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Operation:
    """One PATCH operation with its name in lower case."""

    name: str
    path: str | None
    value: Any = None


@dataclass(frozen=True, slots=True)
class Target:
    """The attribute an operation applies to, with optional value filter and sub-attribute."""

    spec: AttributeSpec
    place: Json
    """The resource, or its extension."""
    chosen: Filter | None = None
    part: str | None = None


def read_operations(body: Any) -> list[Operation]:
    """Parses a PATCH request. Raises ScimRefusal 400."""
    given = next((value for name, value in body.items() if name.lower() == "operations"), None) if _is(body) else None
    if not isinstance(given, list) or not given:
        raise bad_request("invalidSyntax", "send a PatchOp with a list of Operations")
    if len(given) > MAX_OPERATIONS:
        raise bad_request("tooMany", f"at most {MAX_OPERATIONS} operations in one request")
    return [_operation(one) for one in given]


def _is(body: Any) -> bool:
    return isinstance(body, dict)


def _operation(given: Any) -> Operation:
    if not isinstance(given, dict):
        raise bad_request("invalidSyntax", "an operation is an object")
    parts = {name.lower(): value for name, value in given.items()}
    name = parts.get("op")
    if not isinstance(name, str) or name.lower() not in ("add", "replace", "remove"):
        raise bad_request("invalidSyntax", "op is add, replace or remove")
    path = parts.get("path")
    if path is not None and not isinstance(path, str):
        raise bad_request("invalidPath", "path is a text")
    return Operation(name.lower(), path or None, parts.get("value"))


def apply_operations(kind: DocumentKind, resource: Json, operations: list[Operation]) -> None:
    """Applies operations to a resource in normal form. Raises ScimRefusal 400."""
    for operation in operations:
        if operation.path is not None:
            _apply(kind, resource, operation.name, operation.path, operation.value)
        elif operation.name == "remove":
            raise bad_request("noTarget", "remove needs a path")
        else:
            _apply_object(kind, resource, operation)


def _apply_object(kind: DocumentKind, resource: Json, operation: Operation) -> None:
    """Applies an operation without a path: the value is an object whose keys may be paths."""
    if not isinstance(operation.value, dict):
        raise bad_request("invalidValue", f"{operation.name} without a path takes an object")
    for name, value in operation.value.items():
        extension = kind.extension(name)
        if kind.is_skipped(name):
            continue
        if extension is not None and isinstance(value, dict):
            for inner, one in ((inner, one) for inner, one in value.items() if not kind.is_skipped(inner)):
                _apply(kind, resource, operation.name, f"{extension}:{inner}", one)
        else:
            _apply(kind, resource, operation.name, name, value)


def _apply(kind: DocumentKind, resource: Json, name: str, path: str, value: Any) -> None:
    extension = kind.extension(path)
    if extension is not None:
        if name == "remove":
            resource.pop(extension, None)
        elif isinstance(value, dict):
            _apply_object(kind, resource, Operation(name, None, {extension: value}))
        else:
            raise bad_request("invalidValue", "an extension takes an object")
        return
    target = _target(kind, resource, path)
    if target is None:
        return
    if name != "remove" and value is None:
        name = "remove"
    _OF_KIND[target.spec.kind](target, name, value)


def _target(kind: DocumentKind, resource: Json, path: str) -> Target | None:
    """Resolves a path; None for ignored attributes.

    Raises ScimRefusal 400 (`invalidPath`, `invalidFilter`, `mutability`).
    """
    filtered = _FILTERED.fullmatch(path.strip())
    parsed = AttributePath.parse(filtered["path"] if filtered else path.strip())
    if parsed is None:
        raise bad_request("invalidPath", f"{path[:200]!r} is no path")
    if parsed.schema is None and parsed.name.lower() in {name.lower() for name in FIXED}:
        raise bad_request("mutability", f"{parsed.name} cannot be set")
    if parsed.schema is None and kind.is_skipped(parsed.name):
        return None
    specs, place = kind.specs, resource
    if parsed.schema is not None and parsed.schema.lower() != kind.schema.lower():
        extension = kind.extension(parsed.schema)
        if extension is None:
            raise bad_request("invalidPath", f"there is no schema {parsed.schema[:200]}")
        specs, place = kind.extensions[extension], resource.setdefault(extension, {})
    spec = specs.get(parsed.name.lower())
    if spec is None:
        raise bad_request("invalidPath", f"there is no attribute {parsed.name[:200]}")
    part = (filtered["part"] if filtered else None) or parsed.part
    chosen = parse_filter(filtered["filter"]) if filtered else None
    if chosen is not None and spec.kind != "plural":
        raise bad_request("invalidPath", f"{spec.name} has one value, and none to choose from")
    return Target(spec, place, chosen, spec.part(part) if part else None)


def _apply_single(target: Target, name: str, value: Any) -> None:
    if target.part is not None:
        raise bad_request("invalidPath", f"{target.spec.name} has no parts")
    if name == "remove":
        target.place.pop(target.spec.name, None)
    else:
        target.place[target.spec.name] = normal_value(target.spec, value)


def _apply_complex(target: Target, name: str, value: Any) -> None:
    """Replaces the given sub-attributes and keeps the others."""
    parts: Json = target.place.setdefault(target.spec.name, {})
    if name == "remove":
        for part in [target.part] if target.part else list(parts):
            parts.pop(part, None)
    elif target.part is not None:
        parts[target.part] = part_value(target.spec, target.part, value)
    else:
        parts.update(normal_value(target.spec, value))
    if not parts:
        del target.place[target.spec.name]


def _apply_plural(target: Target, name: str, value: Any) -> None:
    items: list[Json] = target.place.setdefault(target.spec.name, [])
    if target.chosen is None and target.part is None:
        _apply_list(target, items, name, value)
        return
    chosen = [item for item in items if target.chosen is None or matches(target.chosen, item)]
    if name == "remove":
        _remove(items, chosen, target.part)
        return
    if not chosen:
        if name == "replace" and target.chosen is not None:
            raise bad_request("noTarget", f"no value of {target.spec.name} is chosen by the filter")
        chosen = [_begun(target)]
        items += chosen
    for item in chosen:
        given = (
            {target.part: part_value(target.spec, target.part, value)}
            if target.part is not None
            else items_of(target.spec, value)[0]
        )
        if name == "replace" and target.part is None:
            item.clear()
        item.update(given)
        _keep_one_primary(items, [item])


def _begun(target: Target) -> Json:
    """A new value that satisfies a filter without match: `emails[type eq "work"].value` where there is none yet."""
    wanted = required_texts(target.chosen) if target.chosen is not None else {}
    names = {part.lower(): part for part in target.spec.parts}
    return {names[name]: text for name, text in wanted.items() if name in names}


def _remove(items: list[Json], chosen: list[Json], part: str | None) -> None:
    for item in chosen:
        if part is not None:
            item.pop(part, None)
    items[:] = [item for item in items if item and (part is not None or not any(item is one for one in chosen))]


def _apply_list(target: Target, items: list[Json], name: str, value: Any) -> None:
    """Applies an operation to a whole multi-valued attribute; values already present are not added again."""
    if name == "remove":
        gone = {one.get("value") for one in items_of(target.spec, value)} if value is not None else None
        items[:] = [] if gone is None else [item for item in items if item.get("value") not in gone]
        return
    given = items_of(target.spec, value)
    if name == "replace":
        items[:] = given
        _keep_one_primary(items, given)
        return
    known = {(item.get("value"), item.get("type")) for item in items}
    new = [one for one in given if (one.get("value"), one.get("type")) not in known]
    items += new
    _keep_one_primary(items, new)


def _keep_one_primary(items: list[Json], changed: list[Json]) -> None:
    """Clears `primary` on the other values when one becomes primary."""
    marked = [item for item in changed if item.get("primary")]
    for item in items if marked else ():
        if item is not marked[-1]:
            item.pop("primary", None)


_OF_KIND: dict[str, Callable[[Target, str, Any], None]] = {
    "text": _apply_single,
    "flag": _apply_single,
    "complex": _apply_complex,
    "plural": _apply_plural,
}
