"""Rows of a batch as one parameter: the statement is the same for any number of them, and one statement for all."""

from collections.abc import Sequence

from sqlalchemy import Table, TableValuedAlias, bindparam, column, func
from sqlalchemy.dialects.postgresql import JSONB

ROWS = "rows"
"""The parameter: a list of objects, whose ids, instants and infinite numbers are text."""


def record_set(table: Table, names: Sequence[str]) -> TableValuedAlias:
    """The parameter's rows as a table, with these columns in the types that `table` gives them."""
    columns = [column(name, table.c[name].type) for name in names]
    rows = func.jsonb_to_recordset(bindparam(ROWS, type_=JSONB()))
    return rows.table_valued(*columns).render_derived(name="given", with_types=True)
