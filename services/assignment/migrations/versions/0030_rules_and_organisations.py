"""Routing rules with conditions, more effects and a monitor mode; organisations; how long a team may hold a ticket."""

from alembic import op
from sqlalchemy import BigInteger, Boolean, Column, DateTime, ForeignKey, Integer, String, Uuid, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

OBJECT = text("'{}'::jsonb")
NEW_COLUMNS = ("name", "mode", "conditions", "stop", "overrides", "tags", "skill_levels", "preferred_skills")


def upgrade() -> None:
    """Rules that are there keep what they say: they stop, and are active."""
    for column in (
        Column("name", String(120), nullable=False, server_default=""),
        Column("mode", String(16), nullable=False, server_default="active"),
        Column("conditions", JSONB, nullable=False, server_default=OBJECT),
        Column("stop", Boolean, nullable=False, server_default=text("true")),
        Column("overrides", Boolean, nullable=False, server_default=text("false")),
        Column("tags", ARRAY(String(64)), nullable=False, server_default=text("'{}'")),
        Column("skill_levels", JSONB, nullable=False, server_default=OBJECT),
        Column("preferred_skills", JSONB, nullable=False, server_default=OBJECT),
        Column("assignee_id", Uuid, ForeignKey("agents.id", name="fk_routing_rules_assignee_id_agents")),
    ):
        op.add_column("routing_rules", column)
    op.alter_column("routing_rules", "team_id", nullable=True)
    op.create_table(
        "routing_rule_counts",
        Column(
            "rule_id",
            Uuid,
            ForeignKey("routing_rules.id", name="fk_routing_rule_counts_rule_id_routing_rules", ondelete="CASCADE"),
            primary_key=True,
        ),
        Column("matched", BigInteger, nullable=False),
        Column("would_have", BigInteger, nullable=False),
        Column("last_matched_at", DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "organisations",
        Column("id", Uuid, primary_key=True),
        Column("name", String(255), nullable=False, unique=True),
        Column("policy_id", Uuid),
        Column("version", Integer, nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    )
    op.create_table(
        "organisation_domains",
        Column("domain", String(255), primary_key=True),
        Column(
            "organisation_id",
            Uuid,
            ForeignKey(
                "organisations.id", name="fk_organisation_domains_organisation_id_organisations", ondelete="CASCADE"
            ),
            nullable=False,
            index=True,
        ),
    )
    op.add_column("teams", Column("hold_seconds", Integer))


def downgrade() -> None:
    """Rules that name no team are removed with what only they could say."""
    op.drop_column("teams", "hold_seconds")
    for table in ("organisation_domains", "organisations", "routing_rule_counts"):
        op.drop_table(table)
    op.execute("delete from routing_rules where team_id is null")
    op.alter_column("routing_rules", "team_id", nullable=False)
    for name in (*NEW_COLUMNS, "assignee_id"):
        op.drop_column("routing_rules", name)
