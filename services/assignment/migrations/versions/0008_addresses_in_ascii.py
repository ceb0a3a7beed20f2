"""Addresses have one form, their domain in ASCII; those from before are brought into it."""

import sqlalchemy as sa
from alembic import op

from shared.kit.addresses import with_ascii_domain
from shared.kit.migration_steps import bring_into_ascii

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    bring_into_ascii("tickets", "requester_email")
    bring_into_ascii("messages", "author_email")
    _bring_agents()


def _bring_agents() -> None:
    """An agent whose address another has in the new form keeps the old one: an administrator decides who it is."""
    bind, agents = op.get_bind(), sa.table("agents", sa.column("id"), sa.column("email"))
    rows = bind.execute(sa.select(agents.c.id, agents.c.email)).all()
    taken = {row.email.lower() for row in rows}
    for row in rows:
        new = with_ascii_domain(row.email)
        if new != row.email and new.lower() not in taken:
            taken.add(new.lower())
            bind.execute(sa.update(agents).where(agents.c.id == row.id).values(email=new))


def downgrade() -> None:
    """Nothing to undo: the new form was always accepted."""
