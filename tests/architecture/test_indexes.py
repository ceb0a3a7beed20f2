"""No index begins as another of the same rows does: the longer one finds what it finds, and each costs every write."""

from collections.abc import Iterator
from importlib import import_module
from typing import NamedTuple

import pytest
from sqlalchemy import Index, Table, UniqueConstraint
from sqlalchemy.dialects import postgresql

DIALECT = postgresql.dialect()  # type: ignore[no-untyped-call]


class Tree(NamedTuple):
    """A B-tree of a table: what it is sorted by, and which rows it holds."""

    name: str
    columns: tuple[str, ...]
    rows: str
    is_unique: bool


def trees_of(table: Table) -> Iterator[Tree]:
    """Those of its constraints and of its indexes."""
    yield Tree("its primary key", tuple(column.name for column in table.primary_key.columns), "", is_unique=True)
    for one in table.constraints:
        if isinstance(one, UniqueConstraint):
            yield Tree(str(one.name), tuple(column.name for column in one.columns), "", is_unique=True)
    for index in table.indexes:
        options = index.dialect_options["postgresql"]
        if options["using"] in (False, None, "", "btree"):
            rows = "" if options["where"] is None else str(options["where"])
            yield Tree(str(index.name), columns_of(index), rows, bool(index.unique))


def columns_of(index: Index) -> tuple[str, ...]:
    """As SQL, each with its direction."""
    return tuple(one if isinstance(one, str) else str(one.compile(dialect=DIALECT)) for one in index.expressions)


def superfluous(table: Table) -> Iterator[str]:
    """Indexes of the table that begin as another of the same rows does; one that keeps values unique is needed."""
    trees = list(trees_of(table))
    for short in trees:
        for longer in trees:
            is_same = short.name == longer.name or short.rows != longer.rows
            if not is_same and not short.is_unique and longer.columns[: len(short.columns)] == short.columns:
                yield f"{short.name}: {longer.name} begins with its columns and holds the same rows"


@pytest.mark.parametrize("service", ["assignment", "intake", "notification"])
def test_no_index_is_the_beginning_of_another(service: str) -> None:
    tables = import_module(f"services.{service}.models").Base.metadata.tables.values()
    assert tables
    assert not [found for table in tables for found in superfluous(table)]
