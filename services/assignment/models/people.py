"""Agents, the teams they belong to, and what their roles allow."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ForeignKey, Index, SmallInteger, String, Uuid, false, func, text, true
from sqlalchemy.orm import Mapped, mapped_column

from services.assignment.models.base import Base


class Agent(Base):
    """Someone who works on tickets."""

    __tablename__ = "agents"
    __table_args__ = (Index("uq_agents_email", func.lower(text("email")), unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254))
    name: Mapped[str] = mapped_column(String(255))
    password_hash: Mapped[str | None] = mapped_column(String(255))
    is_active: Mapped[bool] = mapped_column(default=True)
    is_available: Mapped[bool] = mapped_column(default=True)
    unavailable_as: Mapped[str] = mapped_column(String(16), default="away", server_default=text("'away'"))
    """`away` or `offline`: what they are while they are not available."""
    skills: Mapped[list[str]] = mapped_column(default=list)
    skill_levels: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default=text("'{}'::jsonb"))
    """The levels of skills that have one; the others have the lowest."""
    capacity: Mapped[int | None]
    """The load routing may give them; null: any."""
    priority_weights: Mapped[dict[str, Any]] = mapped_column(default=dict, server_default=text("'{}'::jsonb"))
    """How much of the capacity a ticket of each priority takes, where that is not 1."""
    weight: Mapped[int] = mapped_column(SmallInteger, default=1, server_default=text("1"))
    calendar: Mapped[str | None] = mapped_column(String(64))
    """The slug of the calendar whose hours they work in; null: any hour."""
    out_of_office: Mapped[list[Any]] = mapped_column(default=list, server_default=text("'[]'::jsonb"))
    """Days of absence, each with `first_day`, `last_day` and perhaps `delegate_id`."""
    version: Mapped[int] = mapped_column(default=1)
    announced_as: Mapped[int] = mapped_column(SmallInteger, default=0, server_default=text("0"))
    """The form in which the other services last heard of it; see `announcements.FORM`."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Team(Base):
    """A group of agents that tickets are routed to. Its row is the lock of its routing decisions."""

    __tablename__ = "teams"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(255))
    lead_id: Mapped[UUID | None] = mapped_column(ForeignKey("agents.id"))
    is_fallback: Mapped[bool] = mapped_column(default=False)
    is_active: Mapped[bool] = mapped_column(default=True, server_default=true())
    successor_id: Mapped[UUID | None] = mapped_column(ForeignKey("teams.id"))
    """Who has its tickets once it is inactive; null: the fallback team."""
    strategy: Mapped[str] = mapped_column(String(16), default="least_loaded", server_default=text("'least_loaded'"))
    offer_seconds: Mapped[int | None]
    """How long an agent has for taking a ticket that is offered to them; null: tickets are assigned at once."""
    handover: Mapped[str] = mapped_column(String(16), default="team", server_default=text("'team'"))
    """What becomes of a ticket that lost its agent."""
    hold_seconds: Mapped[int | None]
    """How long it may hold a ticket, in open time of its calendar; null: as long as it takes."""
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("teams.id"))
    """The team that this one is part of."""
    lineage: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid()), server_default=text("'{}'"))
    """The ids of the teams above it; kept with every change of a parent, so that rights need no recursion."""
    policy_id: Mapped[UUID | None]
    """The SLA policy of its tickets where no rule names one."""
    calendar: Mapped[str | None] = mapped_column(String(64))
    """The slug of the hours in which it works; null: those that the policy names."""
    version: Mapped[int] = mapped_column(default=1)
    announced_as: Mapped[int] = mapped_column(SmallInteger, default=0, server_default=text("0"))
    """The form in which the other services last heard of it; see `announcements.FORM`."""
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())


class Role(Base):
    """A set of permissions and how far they reach."""

    __tablename__ = "roles"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(255), unique=True)
    scope: Mapped[str] = mapped_column(String(16))
    permissions: Mapped[list[str]] = mapped_column(default=list)
    requires_second_factor: Mapped[bool] = mapped_column(default=False, server_default=false())
    """Whether whoever has it must sign in with more than a password."""
    version: Mapped[int] = mapped_column(default=1)


class Membership(Base):
    """An agent's role in a team."""

    __tablename__ = "memberships"

    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True)
    team_id: Mapped[UUID] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"), primary_key=True, index=True)
    role_id: Mapped[UUID] = mapped_column(ForeignKey("roles.id"))
