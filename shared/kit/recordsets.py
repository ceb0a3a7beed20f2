"""Many rows as one JSON parameter: a statement that takes them is the same for one row and for a thousand."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pydantic_core import to_json
from sqlalchemy import (
    ColumnElement,
    FromClause,
    LargeBinary,
    Select,
    Table,
    Text,
    bindparam,
    cast,
    column,
    func,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB, Insert, insert
from sqlalchemy.types import TypeEngine


def as_parameter(rows: Iterable[Any]) -> str:
    """Rows as the value of the parameter."""
    return to_json(list(rows)).decode()


def rows_of(table: Table, names: Sequence[str], parameter: str) -> Select[Any]:
    """Selects the rows in a parameter, with the types of the table's columns; bytes travel as text in UTF-8."""
    given = func.jsonb_to_recordset(cast(bindparam(parameter, type_=Text()), JSONB))
    columns = [column(name, _as_text(table.c[name].type)) for name in names]
    rows = given.table_valued(*columns).render_derived(name=parameter, with_types=True)
    return select(
        *(
            func.convert_to(rows.c[name], "UTF8") if isinstance(table.c[name].type, LargeBinary) else rows.c[name]
            for name in names
        )
    )


def columns_given(table: Table, names: Sequence[str], prefix: str = "") -> list[ColumnElement[Any]]:
    """A parameter for each column, with its type: one row for `insert ... select`, whose condition decides."""
    return [bindparam(prefix + name, type_=table.c[name].type) for name in names]


def _as_text(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    return Text() if isinstance(kind, LargeBinary) else kind


def insert_rows(
    table: Table,
    names: Sequence[str],
    parameter: str,
    where: Callable[[FromClause], ColumnElement[bool]] | None = None,
) -> Insert:
    """Inserts the rows in a parameter, in their order.

    With `where` those for which it holds, in the order of the first column: they may be joined in any other order.
    """
    rows = rows_of(table, names, parameter)
    if where is not None:
        given = rows.subquery(f"given_{parameter}")
        rows = select(given).where(where(given)).order_by(given.c[names[0]])
    return insert(table).from_select(list(names), rows)
