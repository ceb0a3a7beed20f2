"""The table of stored answers gets the name that code and glossary use: `idempotency_responses`.

Names in the catalogue change, no row is read or written.

The processes of notification are replaced together with this migration.
"""

from shared.kit.migration_steps import rename_table

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

RENAMED = {"answers": "idempotency_responses"}


def upgrade() -> None:
    for old, new in RENAMED.items():
        rename_table(old, new)


def downgrade() -> None:
    for old, new in RENAMED.items():
        rename_table(new, old)
