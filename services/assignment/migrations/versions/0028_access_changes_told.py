"""Every change to who may do what is told to all processes, which remember callers for seconds."""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

WATCHED = {
    "agents": "update or delete",
    "roles": "update or delete",
    "memberships": "insert or update or delete",
    "sessions": "delete or update of digest, agent_id, expires_at, second_factor",
}
"""Nobody is remembered who was not there, so new agents, roles and sessions change nothing; nor when one was used."""


def upgrade() -> None:
    """A notification a transaction, whoever makes the change."""
    op.execute(
        "create function tell_access_changed() returns trigger language plpgsql as "
        "$$ begin perform pg_notify('access', ''); return null; end $$"
    )
    for table, changes in WATCHED.items():
        op.execute(
            f"create trigger access_changed after {changes} on {table} "
            "for each row execute function tell_access_changed()"
        )


def downgrade() -> None:
    """Without them."""
    for table in WATCHED:
        op.execute(f"drop trigger access_changed on {table}")
    op.execute("drop function tell_access_changed()")
