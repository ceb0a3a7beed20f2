"""Tables get the names that code and glossary use: `idempotency_responses`, `timeline_entries`, `job_positions`.

Names in the catalogue change, no row is read or written. Intake's processes are replaced together with this migration.
"""

from shared.kit.migration_steps import rename_table

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

RENAMED = {"answers": "idempotency_responses", "happenings": "timeline_entries", "walks": "job_positions"}


def upgrade() -> None:
    for old, new in RENAMED.items():
        rename_table(old, new)


def downgrade() -> None:
    for old, new in RENAMED.items():
        rename_table(new, old)
