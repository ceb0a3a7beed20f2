"""What differs between two versions of something, line by line, for people."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

from services.assignment.schemas.versions import CalendarVersionView, VersionView
from services.assignment.web.admin.audit_words import field_name
from shared.kit.i18n.messages import gettext

AnyVersion = TypeVar("AnyVersion", bound=VersionView)


@dataclass(frozen=True, slots=True)
class Change:
    """One value that differs; empty text stands for a value that was not there."""

    name: str
    before: str
    after: str


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """The values that differ, by their place, such as `targets / urgent / resolution`."""
    old, new = dict(_leaves(before)), dict(_leaves(after))
    names = sorted(old.keys() | new.keys())
    return [
        Change(_place(name), old.get(name, ""), new.get(name, "")) for name in names if old.get(name) != new.get(name)
    ]


def with_changes(versions: Sequence[AnyVersion], shown: int) -> list[tuple[AnyVersion, list[Change]]]:
    """Versions, newest first, each beside what it changed. One more than `shown` serves for comparison alone."""
    pairs = [(newer, changes_between(_whole(older), _whole(newer))) for newer, older in pairwise(versions)]
    return pairs if len(versions) > shown else [*pairs, *((one, []) for one in versions[-1:])]


def _whole(version: VersionView) -> Mapping[str, Any]:
    """A calendar's name is beside its body."""
    return {"name": version.name} | version.body if isinstance(version, CalendarVersionView) else version.body


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping) and value:
        for name, one in value.items():
            yield from _leaves(one, f"{place} / {name}" if place else str(name))
    elif isinstance(value, list | tuple) and value and any(isinstance(one, Mapping) for one in value):
        for number, one in enumerate(value, 1):
            yield from _leaves(one, f"{place} {number}")
    elif value is not None and value not in ([], {}, ()):
        yield place.replace("_", " "), _text(value)


def _place(name: str) -> str:
    """A place with the names of its fields in the reader's language; numbers of a list stay behind their name."""
    return " / ".join(_part(part) for part in name.split(" / "))


def _part(part: str) -> str:
    name, blank, number = part.rpartition(" ")
    return f"{field_name(name)} {number}" if blank and number.isdecimal() else field_name(part)


def _text(value: Any) -> str:
    match value:
        case bool():
            return gettext("yes") if value else gettext("no")
        case list() | tuple():
            return ", ".join("-".join(map(str, one)) if isinstance(one, list | tuple) else str(one) for one in value)
    return str(value)
