"""Canned responses, teams in teams with a policy and hours of their own, and setting up an empty installation."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


NEW_RIGHTS = """
update roles set permissions = permissions || '{admin.intake,admin.notification}'::varchar[], version = version + 1
where permissions @> '{admin.agents,admin.teams,admin.sla,admin.routing,admin.canned}'::varchar[]
and not permissions @> '{admin.intake}'::varchar[]
"""
"""Whoever could administer everything can still: else nobody could give the new rights to anybody."""


def upgrade() -> None:
    """What was there keeps its meaning: teams stand side by side, and the installation counts as set up."""
    op.create_table(
        "canned_responses",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.String(255), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("team_id", sa.Uuid()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("updated_at", INSTANT, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_canned_responses"),
        sa.UniqueConstraint("title", name="uq_canned_responses_title"),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name="fk_canned_responses_team_id_teams"),
    )
    op.create_index("ix_canned_responses_team_id", "canned_responses", ["team_id"])
    op.add_column("teams", sa.Column("parent_id", sa.Uuid()))
    op.create_foreign_key("fk_teams_parent_id_teams", "teams", "teams", ["parent_id"], ["id"])
    op.add_column(
        "teams", sa.Column("lineage", postgresql.ARRAY(sa.Uuid()), server_default=sa.text("'{}'"), nullable=False)
    )
    op.add_column("teams", sa.Column("policy_id", sa.Uuid()))
    op.add_column("teams", sa.Column("calendar", sa.String(64)))
    op.execute(NEW_RIGHTS)
    op.execute(
        "create trigger access_changed after insert or update of lineage on teams "
        "for each row execute function tell_access_changed()"
    )
    op.create_table(
        "installation",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("organisation", sa.String(255), server_default=sa.text("''"), nullable=False),
        sa.Column("done", postgresql.JSONB(), server_default=sa.text("'{}'::jsonb"), nullable=False),
        sa.Column("finished_at", INSTANT),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_installation"),
        sa.CheckConstraint("id = 1", name="ck_installation_one_row"),
    )
    op.create_table(
        "setup_links",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.Column("used_at", INSTANT),
        sa.Column("agent_id", sa.Uuid()),
        sa.PrimaryKeyConstraint("digest", name="pk_setup_links"),
    )


def downgrade() -> None:
    """Without them. Rights that are not known any more grant nothing."""
    op.drop_table("setup_links")
    op.drop_table("installation")
    op.execute("drop trigger access_changed on teams")
    op.drop_constraint("fk_teams_parent_id_teams", "teams")
    for column in ("calendar", "policy_id", "lineage", "parent_id"):
        op.drop_column("teams", column)
    op.drop_table("canned_responses")
