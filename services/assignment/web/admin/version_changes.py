"""What differs between two versions of something, line by line, for people."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeVar

from services.assignment.schemas.versions import CalendarVersionView, VersionView

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
    return [Change(name, old.get(name, ""), new.get(name, "")) for name in names if old.get(name) != new.get(name)]


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


def _text(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return ", ".join("-".join(map(str, one)) if isinstance(one, list | tuple) else str(one) for one in value)
    return str(value)
