"""Normalises SCIM resources: attribute names as in the schemas, types checked, unknown attributes left out."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from services.assignment.access.scim.errors import bad_request
from services.assignment.access.scim.names import (
    ADDRESS_PARTS,
    ENTERPRISE,
    ENTERPRISE_TEXTS,
    FIXED,
    GROUP,
    IGNORED,
    MANAGER_PARTS,
    NAME_PARTS,
    PLURAL_PARTS,
    SIMPLE,
    USER,
)

Json = dict[str, Any]
MAX_TEXT = 1_024
MAX_VALUES = 50
MAX_MEMBERS = 5_000
"""Of one request."""


@dataclass(frozen=True, slots=True)
class AttributeSpec:
    """A stored attribute; `kind` is text, flag, complex or plural (multi-valued)."""

    name: str
    kind: str
    parts: tuple[str, ...] = ()

    def part(self, name: str) -> str:
        """A sub-attribute's name as in the schema. Raises ScimRefusal 400 (`invalidPath`)."""
        found = next((part for part in self.parts if part.lower() == name.lower()), None)
        if found is None:
            raise bad_request("invalidPath", f"{self.name} has no part {name!r}")
        return found


def _by_name(*specs: AttributeSpec) -> Mapping[str, AttributeSpec]:
    return MappingProxyType({spec.name.lower(): spec for spec in specs})


USER_SPECS = _by_name(
    *(AttributeSpec(name, "text") for name in ("userName", "externalId", *SIMPLE)),
    AttributeSpec("active", "flag"),
    AttributeSpec("name", "complex", NAME_PARTS),
    AttributeSpec("emails", "plural", PLURAL_PARTS),
    AttributeSpec("phoneNumbers", "plural", PLURAL_PARTS),
    AttributeSpec("addresses", "plural", ADDRESS_PARTS),
)
ENTERPRISE_SPECS = _by_name(
    *(AttributeSpec(name, "text") for name in ENTERPRISE_TEXTS), AttributeSpec("manager", "complex", MANAGER_PARTS)
)
GROUP_SPECS = _by_name(
    AttributeSpec("displayName", "text"),
    AttributeSpec("externalId", "text"),
    AttributeSpec("members", "plural", ("value", "display", "type", "$ref")),
)


@dataclass(frozen=True, slots=True)
class DocumentKind:
    """A resource type's schema with its extension."""

    schema: str
    specs: Mapping[str, AttributeSpec]
    extensions: Mapping[str, Mapping[str, AttributeSpec]]

    def extension(self, name: str) -> str | None:
        """The extension's name as in the schema, matched ignoring case."""
        return next((known for known in self.extensions if known.lower() == name.lower()), None)

    def is_skipped(self, name: str) -> bool:
        """Whether an attribute is read-only, or accepted and ignored."""
        return name.lower() in IGNORED or name.lower() in {fixed.lower() for fixed in FIXED}

    def normal(self, body: Any) -> Json:
        """A whole resource in normal form, without attributes that no schema knows.

        Raises ScimRefusal 400 for a value of the wrong type.
        """
        if not isinstance(body, dict):
            raise bad_request("invalidSyntax", "the body must be a JSON object")
        found: Json = {}
        for name, value in body.items():
            if (extension := self.extension(name)) is not None and isinstance(value, dict):
                inner = _normal_values(self.extensions[extension], value)
                if inner:
                    found[extension] = inner
            elif (spec := self.specs.get(name.lower())) is not None and value is not None:
                found[spec.name] = normal_value(spec, value)
        return {name: value for name, value in found.items() if value not in ("", [], {})}


USER_KIND = DocumentKind(USER, USER_SPECS, MappingProxyType({ENTERPRISE: ENTERPRISE_SPECS}))
GROUP_KIND = DocumentKind(GROUP, GROUP_SPECS, MappingProxyType({}))


def _normal_values(specs: Mapping[str, AttributeSpec], values: Json) -> Json:
    known = ((specs.get(name.lower()), value) for name, value in values.items())
    return {spec.name: normal_value(spec, value) for spec, value in known if spec is not None and value is not None}


def normal_value(spec: AttributeSpec, value: Any) -> Any:
    """A value of an attribute, its type checked. Raises ScimRefusal 400 (`invalidValue`)."""
    match spec.kind:
        case "text":
            return text_of(spec.name, value)
        case "flag":
            return flag_of(spec.name, value)
        case "complex":
            return _parts_of(spec, {"value": value} if isinstance(value, str) and "value" in spec.parts else value)
    return items_of(spec, value)


def items_of(spec: AttributeSpec, value: Any) -> list[Json]:
    """The values of a multi-valued attribute: accepts a list of objects, one object, or texts as `value`s."""
    given = value if isinstance(value, list) else [value]
    limit = MAX_MEMBERS if spec.name == "members" else MAX_VALUES
    if len(given) > limit:
        raise bad_request("tooMany", f"{spec.name} takes at most {limit} values in one request")
    return [_parts_of(spec, {"value": one} if isinstance(one, str) and "value" in spec.parts else one) for one in given]


def _parts_of(spec: AttributeSpec, value: Any) -> Json:
    if not isinstance(value, dict):
        raise bad_request("invalidValue", f"{spec.name} takes an object")
    names = {part.lower(): part for part in spec.parts}
    known = ((names.get(name.lower()), one) for name, one in value.items() if one is not None)
    return {name: part_value(spec, name, one) for name, one in known if name is not None}


def part_value(spec: AttributeSpec, name: str, value: Any) -> Any:
    """A sub-attribute's value. Raises ScimRefusal 400 (`invalidValue`)."""
    return flag_of(name, value) if name == "primary" else text_of(f"{spec.name}.{name}", value)


def text_of(name: str, value: Any) -> str:
    """A text. Raises ScimRefusal 400 (`invalidValue`)."""
    if not isinstance(value, str):
        raise bad_request("invalidValue", f"{name} takes a text")
    if len(value) > MAX_TEXT or "\0" in value or any("\ud800" <= one <= "\udfff" for one in value):
        raise bad_request("invalidValue", f"{name} takes at most {MAX_TEXT} characters, without NUL or surrogates")
    return value


def flag_of(name: str, value: Any) -> bool:
    """A boolean; also accepts Entra ID's texts. Raises ScimRefusal 400 (`invalidValue`)."""
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise bad_request("invalidValue", f"{name} takes true or false")
    return value
