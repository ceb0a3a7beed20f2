"""When tickets were corrected and bounces cleared last: what comes late must not undo it."""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

INSTANTS = (
    ("tickets", "subject_edited_at"),
    ("tickets", "requester_edited_at"),
    ("recipient_addresses", "cleared_at"),
)


def upgrade() -> None:
    for table, name in INSTANTS:
        op.add_column(table, sa.Column(name, sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    for table, name in INSTANTS:
        op.drop_column(table, name)
