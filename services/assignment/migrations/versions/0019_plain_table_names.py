"""Tables get the names that code and glossary use: `idempotency_responses`, `routing_decisions`.

Names in the catalogue change, no row is read or written.

The processes of assignment are replaced together with this migration.
"""

from shared.kit.migration_steps import rename_table

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

RENAMED = {"answers": "idempotency_responses", "decisions": "routing_decisions"}


def upgrade() -> None:
    for old, new in RENAMED.items():
        rename_table(old, new)


def downgrade() -> None:
    for old, new in RENAMED.items():
        rename_table(new, old)
