"""By whom and how people in copy were named, and how many invitations are out. Whoever takes part is announced again.

Revision 0010, after 0009.
"""

import json
from uuid import uuid5

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)
NEW_VERSIONS = """
update participants set version = version + 1 where state = 'joined'
returning ticket_id, email, name, version, invited_at, joined_at, now() as at
"""
ANNOUNCE = sa.text("insert into outbox (event_id, subject, envelope) values (:event_id, :subject, :envelope)")
EVENT = "everdesk.participant.changed.v1"


def upgrade() -> None:
    op.add_column("participants", sa.Column("channel", sa.String(16), nullable=True))
    op.add_column("participants", sa.Column("added_by", sa.String(255), nullable=False, server_default=""))
    op.add_column("participants", sa.Column("joined_at", INSTANT, nullable=True))
    op.execute("update participants set joined_at = changed_at where state = 'joined'")
    op.create_table(
        "invitation_counts",
        sa.Column("scope", sa.String(16), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "digest", "day", name=op.f("pk_invitation_counts")),
    )
    for row in op.get_bind().execute(sa.text(NEW_VERSIONS)).all():
        op.get_bind().execute(ANNOUNCE, _announcement(row))


def _announcement(row: sa.Row[tuple[object, ...]]) -> dict[str, object]:
    """The event, so that services which began to keep participants later know of this one."""
    event_id = f"{row.ticket_id}:participant:{uuid5(row.ticket_id, row.email)}:{row.version}"
    envelope = {
        "specversion": "1.0",
        "id": event_id,
        "source": "/everdesk/intake",
        "type": EVENT,
        "subject": str(row.ticket_id),
        "time": row.at.isoformat(),
        "datacontenttype": "application/json",
        "data": {
            "ticket_id": str(row.ticket_id),
            "email": row.email,
            "name": row.name,
            "state": "joined",
            "version": row.version,
            "changed_at": row.at.isoformat(),
            "added_at": row.invited_at.isoformat(),
            "joined_at": row.joined_at.isoformat(),
        },
    }
    return {"event_id": event_id, "subject": f"{EVENT}.{row.ticket_id}", "envelope": json.dumps(envelope).encode()}


def downgrade() -> None:
    op.drop_table("invitation_counts")
    op.drop_column("participants", "joined_at")
    op.drop_column("participants", "added_by")
    op.drop_column("participants", "channel")
