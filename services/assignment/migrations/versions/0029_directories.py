"""Users and groups of a directory, and the roles that groups stand for."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Four tables."""
    op.create_table(
        "directory_users",
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("user_name", sa.String(255), nullable=False),
        sa.Column("external_id", sa.String(255)),
        sa.Column("document", postgresql.JSONB(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.Column("deleted_at", INSTANT),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name="fk_directory_users_agent_id_agents", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("agent_id", name="pk_directory_users"),
    )
    op.create_index("uq_directory_users_user_name", "directory_users", [sa.text("lower(user_name)")], unique=True)
    op.create_index("ix_directory_users_external_id", "directory_users", ["external_id"])
    op.create_table(
        "directory_groups",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("external_id", sa.String(255)),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_directory_groups"),
    )
    op.create_index("uq_directory_groups_name", "directory_groups", [sa.text("lower(name)")], unique=True)
    op.create_table(
        "directory_group_members",
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["group_id"],
            ["directory_groups.id"],
            name="fk_directory_group_members_group_id_directory_groups",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["agent_id"], ["agents.id"], name="fk_directory_group_members_agent_id_agents", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("group_id", "agent_id", name="pk_directory_group_members"),
    )
    op.create_index("ix_directory_group_members_agent_id", "directory_group_members", ["agent_id"])
    op.create_table(
        "group_roles",
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("group_name", sa.String(255), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("role_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["teams.id"], name="fk_group_roles_team_id_teams", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["role_id"], ["roles.id"], name="fk_group_roles_role_id_roles"),
        sa.PrimaryKeyConstraint("position", name="pk_group_roles"),
    )


def downgrade() -> None:
    """None of them."""
    for table in ("group_roles", "directory_group_members", "directory_groups", "directory_users"):
        op.drop_table(table)
