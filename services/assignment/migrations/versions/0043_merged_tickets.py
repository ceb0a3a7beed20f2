"""Tickets that are part of another one, and what the clocks hear of that."""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

FACT = (
    "case when type = 'ticket.opened' then (data -> 'snapshot')"
    " - '{{ticket_id,number,seq,revision,status,topic_id,team_id,assignee_id,policy_id,policy_version,updated_at,"
    "first_replied_at,resolved_at,closed_at,hold_reason,close_reason,reopen_count,is_archived,due_at,clocks}}'::text[]"
    " when type in ('ticket.triaged', 'ticket.policy_changed', 'ticket.prioritised', 'ticket.due_set',"
    " 'ticket.message_recorded', 'ticket.pended', 'ticket.held', 'ticket.resumed', 'ticket.resolved',"
    " 'ticket.reopened', 'ticket.closed'{more})"
    " then data - '{{ticket_id,revision,actor,snapshot,team_id,message_id}}'::text[] end"
)
MERGES = ", 'ticket.absorbed', 'ticket.detached', 'ticket.unmerged'"


def upgrade() -> None:
    op.add_column("tickets", sa.Column("merged_into", sa.Uuid(), nullable=True))
    op.create_index(
        "ix_tickets_merged_into", "tickets", ["merged_into"], postgresql_where=sa.text("merged_into is not null")
    )
    op.execute(f"alter table events alter column fact set expression as ({FACT.format(more=MERGES)})")


def downgrade() -> None:
    op.execute(f"alter table events alter column fact set expression as ({FACT.format(more='')})")
    op.drop_index("ix_tickets_merged_into", "tickets")
    op.drop_column("tickets", "merged_into")
