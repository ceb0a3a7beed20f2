"""Passes the rows of a batch as one JSON parameter, so that one prepared statement serves any number of rows."""

from collections.abc import Sequence

from sqlalchemy import Table, TableValuedAlias, bindparam, column, func
from sqlalchemy.dialects.postgresql import JSONB

ROWS = "rows"
"""The parameter: a list of objects, whose ids, instants and infinite numbers are text."""


def record_set(table: Table, names: Sequence[str]) -> TableValuedAlias:
    """Returns the parameter's rows as a FROM element with these columns, typed as in `table`."""
    columns = [column(name, table.c[name].type) for name in names]
    rows = func.jsonb_to_recordset(bindparam(ROWS, type_=JSONB()))
    return rows.table_valued(*columns).render_derived(name="given", with_types=True)
