"""What differs between versions of a mail template, line by line."""

from collections.abc import Sequence
from difflib import ndiff
from itertools import pairwise
from typing import Any

from shared.kit.i18n.messages import gettext
from shared.kit.i18n.messages import marked as _

PARTS = {"subject": _("Subject"), "html": "HTML", "text": _("Text")}
MOST_LINES = 400
"""Of a part that is compared; longer ones are shown as changed only."""
DiffLine = tuple[str, str]


def with_differences(
    versions: Sequence[dict[str, Any]],
) -> list[tuple[dict[str, Any], list[tuple[str, list[DiffLine]]]]]:
    """Returns the versions, newest first, each with the changed parts and their lines ("+" or "-" and the text)."""
    pairs = [(newer, _changes(older, newer)) for newer, older in pairwise(versions)]
    return [*pairs, *((one, []) for one in versions[-1:])]


def _changes(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, list[DiffLine]]]:
    return [
        (gettext(label), _lines(before[part], after[part]))
        for part, label in PARTS.items()
        if before[part] != after[part]
    ]


def _lines(before: str, after: str) -> list[DiffLine]:
    old, new = before.splitlines(), after.splitlines()
    if max(len(old), len(new)) > MOST_LINES:
        return [("+", gettext("%(count)s lines; too many to compare", count=len(new)))]
    return [(line[0], line[2:]) for line in ndiff(old, new, None, None) if line[0] in "+-"]
