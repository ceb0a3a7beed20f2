"""What migrations of several services do alike."""

from collections.abc import Callable, Iterable, Sequence

import sqlalchemy as sa
from alembic import op

from shared.kit.addresses import with_ascii_domain


def bring_into_ascii(
    table: str,
    column: str,
    *,
    unique_with: Sequence[str] | None = None,
    form: Callable[[str], str] = with_ascii_domain,
) -> None:
    """Rewrites the addresses in a column whose domain is written with other letters.

    Where the column is unique, alone or with those columns, a row whose new form is there already is dropped.
    """
    bind, rows = op.get_bind(), sa.table(table, sa.column(column), *(sa.column(name) for name in unique_with or ()))
    held = rows.c[column]
    foreign = sa.select(held).where(sa.func.octet_length(held) != sa.func.length(held)).distinct()
    for old in bind.scalars(foreign).all():
        if (new := form(old)) == old:
            continue
        if unique_with is not None:
            other = rows.alias()
            same = (other.c[name] == rows.c[name] for name in unique_with)
            bind.execute(sa.delete(rows).where(held == old, sa.exists().where(other.c[column] == new, *same)))
        bind.execute(sa.update(rows).where(held == old).values({column: new}))


CONSTRAINTS = "select conname from pg_constraint where conrelid = cast(:of as regclass)"
INDEXES = "select relname from pg_class join pg_index on indexrelid = oid where indrelid = cast(:of as regclass)"
SEQUENCES = """
select relname from pg_class join pg_depend on objid = oid where relkind = 'S' and refobjid = cast(:of as regclass)
"""


def rename_table(old: str, new: str) -> None:
    """Renames a table, and with it the indexes, constraints and sequences that are named after it.

    Code that knows the old name cannot use the table any more: replace its processes together with the migration.
    """
    bind = op.get_bind()
    op.rename_table(old, new)
    for query, statement in (
        (CONSTRAINTS, f'alter table {new} rename constraint "{{0}}" to "{{1}}"'),
        (INDEXES, 'alter index "{0}" rename to "{1}"'),
        (SEQUENCES, 'alter sequence "{0}" rename to "{1}"'),
    ):
        for name in bind.scalars(sa.text(query), {"of": new}).all():
            if old in name:
                op.execute(statement.format(name, name.replace(old, new, 1)))


VACUUMED = {
    "autovacuum_vacuum_threshold": "1000",
    "autovacuum_vacuum_scale_factor": "0.01",
    "autovacuum_analyze_threshold": "1000",
    "autovacuum_analyze_scale_factor": "0.02",
}
"""By default a fifth of a table must be dead: of a million tickets that is 200,000 versions of the few hot rows."""


def vacuum_for_hot_rows(tables: Iterable[str]) -> None:
    """Has tables vacuumed that keep the past and change in what is new. Blocks nobody who reads or writes."""
    settings = ", ".join(f"{name} = {value}" for name, value in VACUUMED.items())
    for table in tables:
        op.execute(f"alter table {table} set ({settings})")


def vacuum_as_usual(tables: Iterable[str]) -> None:
    """Undoes that."""
    for table in tables:
        op.execute(f"alter table {table} reset ({', '.join(VACUUMED)})")
