"""Addresses have one form, their domain in ASCII; those from before, and the keys made of them, are brought into it."""

import hashlib

import sqlalchemy as sa
from alembic import op

from shared.kit.addresses import address_key
from shared.kit.migration_steps import bring_into_ascii

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _bring_keys()
    bring_into_ascii("participants", "email")
    bring_into_ascii("tickets", "requester_email")
    bring_into_ascii("agents", "email")
    bring_into_ascii("deliveries", "address")


def _bring_keys() -> None:
    """A participant's key is a digest of their address, in its rows and in the ledger."""
    bind = op.get_bind()
    participants = sa.table("participants", sa.column("ticket_id"), sa.column("key"), sa.column("email"))
    deliveries = sa.table("deliveries", sa.column("ticket_id"), sa.column("recipient"))
    email = participants.c.email
    foreign = sa.select(participants).where(sa.func.octet_length(email) != sa.func.length(email))
    for row in bind.execute(foreign).all():
        new = f"participant:{hashlib.sha256(address_key(row.email).encode()).hexdigest()[:40]}"
        theirs = sa.and_(participants.c.ticket_id == row.ticket_id, participants.c.key == row.key)
        known = sa.select(participants.c.key).where(
            participants.c.ticket_id == row.ticket_id, participants.c.key == new
        )
        if new == row.key:
            continue
        if bind.scalar(known):
            bind.execute(sa.delete(participants).where(theirs))
            continue
        bind.execute(sa.update(participants).where(theirs).values(key=new))
        sent = sa.and_(deliveries.c.ticket_id == row.ticket_id, deliveries.c.recipient == row.key)
        bind.execute(sa.update(deliveries).where(sent).values(recipient=new))


def downgrade() -> None:
    """Nothing to undo: the new form was always accepted."""
