"""Roles that could close, edit and reopen tickets may merge them."""

from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

GIVEN = """
update roles set permissions = permissions || '{ticket.merge}'::varchar[], version = version + 1
where permissions @> '{ticket.edit,ticket.close,ticket.reopen}'::varchar[]
and not permissions @> '{ticket.merge}'::varchar[]
"""
TAKEN = "update roles set permissions = array_remove(permissions, 'ticket.merge')"


def upgrade() -> None:
    op.execute(GIVEN)


def downgrade() -> None:
    op.execute(TAKEN)
