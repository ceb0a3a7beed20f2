"""Tables of routing rules, their match counts, and organisations."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, SmallInteger, String, false, func, text, true
from sqlalchemy.orm import Mapped, mapped_column

from services.assignment.models.base import Base

_NOTHING = text("'{}'::jsonb")


class RoutingRule(Base):
    """When a new ticket looks like this, this happens to it."""

    __tablename__ = "routing_rules"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(String(120), default="", server_default="")
    mode: Mapped[str] = mapped_column(String(16), default="active", server_default="active")
    topic: Mapped[str | None] = mapped_column(String(64))
    priority: Mapped[str | None] = mapped_column(String(16))
    conditions: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default=_NOTHING)
    team_id: Mapped[UUID | None] = mapped_column(ForeignKey("teams.id"))
    policy_id: Mapped[UUID | None]
    set_priority: Mapped[str | None] = mapped_column(String(16))
    overrides: Mapped[bool] = mapped_column(default=False, server_default=false())
    tags: Mapped[list[str]] = mapped_column(default=list, server_default=text("'{}'"))
    skills: Mapped[list[str]] = mapped_column(default=list)
    skill_levels: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default=_NOTHING)
    preferred_skills: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default=_NOTHING)
    assignee_id: Mapped[UUID | None] = mapped_column(ForeignKey("agents.id"))
    stop: Mapped[bool] = mapped_column(default=True, server_default=true())
    version: Mapped[int] = mapped_column(default=1)


class RoutingRuleCount(Base):
    """How often a rule matched. Apart from the rule, so that counting never waits for whoever changes it."""

    __tablename__ = "routing_rule_counts"

    rule_id: Mapped[UUID] = mapped_column(ForeignKey("routing_rules.id", ondelete="CASCADE"), primary_key=True)
    matched: Mapped[int] = mapped_column(BigInteger, default=0)
    would_have: Mapped[int] = mapped_column(BigInteger, default=0)
    """Tickets that it would have changed while it was in monitor mode."""
    last_matched_at: Mapped[datetime]


class Organisation(Base):
    """A company or other body whose people write to us, known by the domains of their addresses."""

    __tablename__ = "organisations"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(255), unique=True)
    policy_id: Mapped[UUID | None]
    """The SLA policy of its tickets; null: as for anybody."""
    ticket_sharing: Mapped[Literal["nobody", "managers", "members"]] = mapped_column(
        String(16), default="nobody", server_default="nobody"
    )
    """Who of its people sees its tickets in the support centre: `nobody`, `managers` or `members`."""
    announced_as: Mapped[int] = mapped_column(SmallInteger, default=0, server_default=text("0"))
    """The form in which the other services know it."""
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class OrganisationDomain(Base):
    """One of an organisation's domains; no other organisation has it."""

    __tablename__ = "organisation_domains"

    domain: Mapped[str] = mapped_column(String(255), primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(ForeignKey("organisations.id", ondelete="CASCADE"), index=True)
