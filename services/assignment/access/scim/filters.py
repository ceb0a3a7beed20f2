"""SCIM filters (RFC 7644, section 3.4.2.2): parsed into a tree and evaluated on resources."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.assignment.access.scim.errors import bad_request

MAX_FILTER = 2_000
MAX_TERMS = 60
_TOKEN = re.compile(r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<sign>[()\[\]])|(?P<word>[^\s()\[\]"]+))""")
_PATH = re.compile(r"^(?:(?P<urn>urn:[A-Za-z0-9:._-]+):)?(?P<name>[A-Za-z$][\w$-]*)(?:\.(?P<part>[A-Za-z$][\w$-]*))?$")
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class AttributePath:
    """An attribute path with optional extension and sub-attribute, compared ignoring case."""

    name: str
    part: str | None = None
    schema: str | None = None

    @classmethod
    def parse(cls, text: str) -> "AttributePath | None":
        """Parses an attribute path; None if malformed."""
        found = _PATH.fullmatch(text)
        return cls(found["name"], found["part"], found["urn"]) if found else None


@dataclass(frozen=True, slots=True)
class AttributeTest:
    """A comparison `path operator value`; `pr` has no value."""

    path: AttributePath
    operator: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class Both:
    """A conjunction of two conditions."""

    left: "Filter"
    right: "Filter"


@dataclass(frozen=True, slots=True)
class Either:
    """A disjunction of two conditions."""

    left: "Filter"
    right: "Filter"


@dataclass(frozen=True, slots=True)
class Negation:
    """A negated condition."""

    inner: "Filter"


@dataclass(frozen=True, slots=True)
class AnyValue:
    """A condition on the values of a multi-valued attribute, true if one fulfils it: `emails[type eq "work"]`."""

    path: AttributePath
    inner: "Filter"


Filter = AttributeTest | Both | Either | Negation | AnyValue


def parse_filter(text: str) -> Filter:
    """Parses a filter. Raises ScimRefusal 400 (`invalidFilter`)."""
    if len(text) > MAX_FILTER:
        raise _invalid(f"a filter has at most {MAX_FILTER} characters")
    reader = _FilterReader(list(_tokens(text)))
    found = reader.any_of()
    reader.expect_end()
    return found


def _invalid(detail: str) -> Exception:
    return bad_request("invalidFilter", detail)


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    place, end = 0, len(text.rstrip())
    while place < end:
        found = _TOKEN.match(text, place)
        if found is None or found.lastgroup is None:
            raise _invalid(f"cannot be read from character {place + 1} on")
        yield found.lastgroup, found[found.lastgroup]
        place = found.end()


class _FilterReader:
    """Recursive-descent parser; precedence is `not`, `and`, `or`."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._place = 0
        self._terms = 0

    def any_of(self) -> Filter:
        """Conditions joined by `or`."""
        found = self.all_of()
        while self._takes("or"):
            found = Either(found, self.all_of())
        return found

    def all_of(self) -> Filter:
        """Conditions joined by `and`."""
        found = self.one()
        while self._takes("and"):
            found = Both(found, self.one())
        return found

    def one(self) -> Filter:
        """A comparison, a group in parentheses, or a negated one."""
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise _invalid(f"a filter has at most {MAX_TERMS} conditions")
        if self._takes("not"):
            return Negation(self._group("(", ")"))
        if self._peek() == ("sign", "("):
            return self._group("(", ")")
        path = self._path()
        if self._peek() == ("sign", "["):
            chosen = self._group("[", "]")
            part = self._part()
            return AnyValue(path, chosen if part is None else Both(chosen, self._comparison(part)))
        return self._comparison(path)

    def _comparison(self, path: AttributePath) -> AttributeTest:
        kind, operator = self._next()
        operator = operator.lower()
        if kind == "word" and operator == "pr":
            return AttributeTest(path, operator)
        if kind != "word" or operator not in OPERATORS:
            raise _invalid(f"there is no operator {operator!r}")
        return AttributeTest(path, operator, self._value())

    def expect_end(self) -> None:
        """Raises ScimRefusal if anything is left."""
        if self._place < len(self._tokens):
            raise _invalid(f"did not expect {self._tokens[self._place][1]!r}")

    def _group(self, opening: str, closing: str) -> Filter:
        if self._next() != ("sign", opening):
            raise _invalid(f"expected {opening}")
        found = self.any_of()
        if self._next() != ("sign", closing):
            raise _invalid(f"expected {closing}")
        return found

    def _part(self) -> AttributePath | None:
        """The part of the chosen value that is compared, as in Entra ID's `emails[type eq "work"].value eq "a"`."""
        kind, text = self._peek()
        part = AttributePath.parse(text[1:]) if kind == "word" and text.startswith(".") else None
        self._place += part is not None
        return part

    def _path(self) -> AttributePath:
        kind, text = self._next()
        path = AttributePath.parse(text) if kind == "word" else None
        if path is None:
            raise _invalid(f"{text!r} is no attribute")
        return path

    def _value(self) -> Any:
        kind, text = self._next()
        try:
            if kind == "text" or kind == "word":
                return json.loads(text if kind == "text" else text.lower())
        except ValueError:
            pass
        raise _invalid(f"{text!r} is no value; write texts in double quotes")

    def _takes(self, word: str) -> bool:
        kind, text = self._peek()
        is_next = kind == "word" and text.lower() == word
        self._place += is_next
        return is_next

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._place] if self._place < len(self._tokens) else ("", "the end")

    def _next(self) -> tuple[str, str]:
        found = self._peek()
        self._place += 1
        return found


def matches(condition: Filter, resource: Mapping[str, Any]) -> bool:
    """Whether a resource, or one value of a multi-valued attribute, fulfils the filter."""
    match condition:
        case Both(left, right):
            return matches(left, resource) and matches(right, resource)
        case Either(left, right):
            return matches(left, resource) or matches(right, resource)
        case Negation(inner):
            return not matches(inner, resource)
        case AnyValue(path, inner):
            found = _whole(path, resource)
            values = found if isinstance(found, list) else [found]
            return any(isinstance(value, Mapping) and matches(inner, value) for value in values)
        case AttributeTest(path, operator, value):
            found = list(values_at(path, resource))
            if operator == "pr":
                return any(one not in (None, "", [], {}) for one in found)
            if operator == "ne":
                return not any(_holds("eq", path, one, value) for one in found)
            return any(_holds(operator, path, one, value) for one in found)


def values_at(path: AttributePath, resource: Mapping[str, Any]) -> Iterator[Any]:
    """The values at a path; for multi-valued attributes all of them, by `value` without a sub-attribute."""
    found = _whole(path, resource)
    for value in found if isinstance(found, list) else [found]:
        if not isinstance(value, Mapping):
            if path.part is None and value is not None:
                yield value
        elif (one := get(value, path.part or "value")) is not None:
            yield one
        elif path.part is None and value:
            yield value


def _whole(path: AttributePath, resource: Mapping[str, Any]) -> Any:
    if path.schema is not None and (extension := get(resource, path.schema)) is not None:
        return get(extension, path.name) if isinstance(extension, Mapping) else None
    return get(resource, path.name)


def get(values: Mapping[str, Any], name: str) -> Any:
    """A value by its name, ignoring case; None if absent."""
    if name in values:
        return values[name]
    wanted = name.lower()
    return next((value for key, value in values.items() if key.lower() == wanted), None)


EXACT = frozenset({"id", "externalid"})
"""Attributes compared with regard to case (RFC 7643)."""


def _holds(operator: str, path: AttributePath, found: Any, value: Any) -> bool:
    if isinstance(found, Mapping):
        return False
    if isinstance(found, bool) or isinstance(value, bool) or value is None:
        return operator == "eq" and _truth(found) == _truth(value)
    if isinstance(found, str) and isinstance(value, str):
        instants = _instant(found), _instant(value)
        if operator in ORDERED and None not in instants:
            return OPERATORS[operator](*instants)
        exact = path.name.lower() in EXACT and path.part is None
        return OPERATORS[operator](found, value) if exact else OPERATORS[operator](found.casefold(), value.casefold())
    if isinstance(found, int | float) and isinstance(value, int | float) and operator in (*ORDERED, "eq"):
        return OPERATORS[operator](found, value)
    return False


def _truth(value: Any) -> Any:
    return {"true": True, "false": False}.get(value.lower(), value) if isinstance(value, str) else value


def _instant(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else None


ORDERED = ("gt", "ge", "lt", "le")
OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda found, value: found == value,
    "ne": lambda found, value: found != value,
    "co": lambda found, value: value in found,
    "sw": lambda found, value: found.startswith(value),
    "ew": lambda found, value: found.endswith(value),
    "gt": lambda found, value: found > value,
    "ge": lambda found, value: found >= value,
    "lt": lambda found, value: found < value,
    "le": lambda found, value: found <= value,
}


def required_texts(condition: Filter) -> dict[str, str]:
    """The equality conditions every match must fulfil, by lower-case attribute, to pre-filter in SQL."""
    match condition:
        case Both(left, right):
            return required_texts(left) | required_texts(right)
        case AttributeTest(path, "eq", value) if isinstance(value, str) and path.schema is None:
            return {".".join(filter(None, (path.name, path.part))).lower(): value}
        case AnyValue(path, AttributeTest(inner, "eq", value)) if isinstance(value, str) and inner.part is None:
            return {f"{path.name}.{inner.name}".lower(): value}
    return {}
