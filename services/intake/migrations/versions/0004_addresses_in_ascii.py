"""Addresses have one form, their domain in ASCII; those from before are brought into it."""

import sqlalchemy as sa
from alembic import op

from shared.kit.addresses import with_ascii_domain
from shared.kit.migration_steps import bring_into_ascii

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    bring_into_ascii("tickets", "requester_email")
    bring_into_ascii("messages", "author_email")
    _keep_the_latest_revocation()
    bring_into_ascii("participants", "email", unique_with=("ticket_id",))
    bring_into_ascii("link_revocations", "email", unique_with=("ticket_id",))
    bring_into_ascii("bans", "pattern", unique_with=())
    bring_into_ascii("raw_mails", "sender")
    _bring_copies()


def _keep_the_latest_revocation() -> None:
    """Where both forms were revoked, the later instant holds for the one that stays."""
    bind = op.get_bind()
    revoked = sa.table("link_revocations", sa.column("ticket_id"), sa.column("email"), sa.column("made_before"))
    foreign = sa.select(revoked).where(sa.func.octet_length(revoked.c.email) != sa.func.length(revoked.c.email))
    for row in bind.execute(foreign).all():
        same = sa.and_(revoked.c.ticket_id == row.ticket_id, revoked.c.email == with_ascii_domain(row.email))
        latest = sa.func.greatest(revoked.c.made_before, row.made_before)
        bind.execute(sa.update(revoked).where(same).values(made_before=latest))


def _bring_copies() -> None:
    bind, tickets = op.get_bind(), sa.table("tickets", sa.column("id"), sa.column("cc", sa.ARRAY(sa.Text())))
    joined = sa.func.array_to_string(tickets.c.cc, " ")
    foreign = sa.select(tickets.c.id, tickets.c.cc).where(sa.func.octet_length(joined) != sa.func.length(joined))
    for ticket_id, copies in bind.execute(foreign).all():
        kept = [with_ascii_domain(copy) for copy in copies]
        bind.execute(sa.update(tickets).where(tickets.c.id == ticket_id).values(cc=kept))


def downgrade() -> None:
    """Nothing to undo: the new form was always accepted."""
