"""What migrations of several services do alike."""

from collections.abc import Callable, Sequence

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
