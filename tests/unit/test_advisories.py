"""The audit of dependencies never takes silence for safety."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.audit.advisories import audit, locked_in

LOCKED = {"jinja2": "3.1.6", "pydantic": "2.14.3"}
CLEAN = {"name": "jinja2", "version": "3.1.6", "vulns": []}
SKIPPED = {"name": "pydantic", "skip_reason": "Dependency not found on PyPI"}
HIT = {"name": "jinja2", "version": "3.1.6", "vulns": [{"id": "PYSEC-1"}]}


@pytest.mark.parametrize(
    ("packages", "index", "status", "says"),
    [
        ([CLEAN, SKIPPED], {"pydantic": ("2.14.3", [])}, 0, "Without: 2."),
        ([CLEAN, SKIPPED], {"pydantic": ("2.15.0", [])}, 2, "NOT KNOWN for 1"),
        ([CLEAN, SKIPPED], {}, 2, "pydantic 2.14.3"),
        ([CLEAN, SKIPPED], {"pydantic": ("2.14.3", ["GHSA-1"])}, 1, "pydantic 2.14.3: GHSA-1"),
        ([HIT, SKIPPED], {}, 1, "jinja2 3.1.6: PYSEC-1"),
        ([CLEAN], {}, 2, "NOT KNOWN for 1"),
        ([], {}, 2, "NOT KNOWN for 2"),
    ],
)
def test_only_what_was_looked_up_counts(
    packages: list[dict[str, Any]], index: dict[str, tuple[str, Sequence[str]]], status: int, says: str
) -> None:
    result = audit({"dependencies": packages}, LOCKED, lambda name: index.get(name))
    assert result.status == status
    assert says in "\n".join(result.sentences())


def test_an_empty_lock_is_not_safe() -> None:
    assert audit({}, {}, lambda _name: None).status == 2


def test_a_lock_is_read_with_its_names_and_versions() -> None:
    lock = "Jinja2==3.1.6 \\\n    --hash=sha256:00\npsycopg[binary]==3.2.1 ; python_version > '3'\n# note==1\n"
    assert locked_in(lock) == {"jinja2": "3.1.6", "psycopg": "3.2.1"}
