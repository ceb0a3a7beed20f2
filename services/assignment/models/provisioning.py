"""Tables of provisioning: directory users and groups, and the roles of groups."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, String, func, text
from sqlalchemy.orm import Mapped, mapped_column

from services.assignment.models.base import Base


class DirectoryUser(Base):
    """An agent as a directory knows them over SCIM; agents without a row are known by their e-mail address."""

    __tablename__ = "directory_users"
    __table_args__ = (
        Index("uq_directory_users_user_name", func.lower(text("user_name")), unique=True),
        Index("ix_directory_users_external_id", "external_id"),
    )

    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True)
    user_name: Mapped[str] = mapped_column(String(255))
    external_id: Mapped[str | None] = mapped_column(String(255))
    document: Mapped[dict[str, Any]]
    """What was sent of them, in its normal form."""
    version: Mapped[int] = mapped_column(default=1)
    changed_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]
    """The directory deleted them: it is told that there is no such user, and the agent stays, deactivated."""


class DirectoryGroup(Base):
    """A group that a directory keeps here over SCIM."""

    __tablename__ = "directory_groups"
    __table_args__ = (Index("uq_directory_groups_name", func.lower(text("name")), unique=True),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(255))
    external_id: Mapped[str | None] = mapped_column(String(255))
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class DirectoryGroupMember(Base):
    """An agent in a directory's group."""

    __tablename__ = "directory_group_members"

    group_id: Mapped[UUID] = mapped_column(ForeignKey("directory_groups.id", ondelete="CASCADE"), primary_key=True)
    agent_id: Mapped[UUID] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True, index=True)


class GroupRole(Base):
    """The role in a team that a directory's group stands for; of several for one team, the first counts."""

    __tablename__ = "group_roles"

    position: Mapped[int] = mapped_column(primary_key=True)
    provider_id: Mapped[int] = mapped_column(server_default=text("1"))
    """Whose groups these are: the number of a connection; those of the first are SCIM's as well."""
    group_name: Mapped[str] = mapped_column(String(255))
    """The group's name, or its id at the directory."""
    team_id: Mapped[UUID] = mapped_column(ForeignKey("teams.id", ondelete="CASCADE"))
    role_id: Mapped[UUID] = mapped_column(ForeignKey("roles.id"))
