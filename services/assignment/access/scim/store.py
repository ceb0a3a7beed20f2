"""Database reads of SCIM users and groups: by id, by name, and in filtered pages."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, false, func, select

from services.assignment.access.scim.errors import no_such
from services.assignment.access.scim.filters import Filter, matches, required_texts
from services.assignment.access.scim.resources import GroupRecord, Reference, UserRecord
from services.assignment.models import Agent, DirectoryGroup, DirectoryGroupMember, DirectoryUser
from shared.kit.db import Session

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ListRequest:
    """Page and filter of a list request; `start` counts from 1."""

    condition: Filter | None
    start: int
    count: int
    base: str
    """Where the resources are, for what a filter compares."""


async def get_user(session: Session, user_id: str, *, for_update: bool = False) -> UserRecord:
    """A user. Raises ScimRefusal 404."""
    query = _users().where(Agent.id == _uuid(user_id))
    if for_update:
        query = query.with_for_update(of=Agent, key_share=True)
    found = (await session.execute(query.execution_options(populate_existing=True))).tuples().one_or_none()
    if found is None:
        raise no_such("user")
    return (await _with_groups(session, [found]))[0]


async def find_user_by_name(session: Session, user_name: str, email: str) -> UserRecord | None:
    """A user with this userName or address, including users deleted at the directory."""
    query = (
        select(Agent, DirectoryUser)
        .outerjoin(DirectoryUser, DirectoryUser.agent_id == Agent.id)
        .where((_name_of() == user_name.lower()) | (func.lower(Agent.email) == email.lower()))
        .order_by(DirectoryUser.deleted_at.is_not(None))
        .limit(1)
    )
    found = (await session.execute(query)).tuples().one_or_none()
    return UserRecord(*found) if found else None


async def list_users(session: Session, asked: ListRequest) -> tuple[int, list[UserRecord]]:
    """The total number of matches, and the users of the page."""
    query = _users().where(*_narrowed(asked.condition))
    if asked.condition is None:
        total = await session.scalar(select(func.count()).select_from(query.subquery())) or 0
        page = query.offset(asked.start - 1).limit(asked.count)
        rows = (await session.execute(page)).tuples().all() if asked.count else []
        return total, await _with_groups(session, rows)
    records = await _with_groups(session, (await session.execute(query)).tuples().all())
    found = [one for one in records if matches(asked.condition, one.resource(asked.base))]
    return len(found), found[asked.start - 1 : asked.start - 1 + asked.count]


def _users() -> Select[Agent, DirectoryUser | None]:
    """Query for all users visible to a directory, in a fixed order."""
    return (
        select(Agent, DirectoryUser)
        .outerjoin(DirectoryUser, DirectoryUser.agent_id == Agent.id)
        .where(DirectoryUser.deleted_at.is_(None))
        .order_by(Agent.created_at, Agent.id)
    )


def _name_of() -> ColumnElement[str]:
    return func.lower(func.coalesce(DirectoryUser.user_name, Agent.email))


def _narrowed(condition: Filter | None) -> list[ColumnElement[bool]]:
    """Adds the part of a filter that SQL can evaluate; the rest is evaluated in Python."""
    texts = required_texts(condition) if condition is not None else {}
    found: list[ColumnElement[bool]] = []
    if "username" in texts:
        found.append(_name_of() == texts["username"].lower())
    if "externalid" in texts:
        found.append(DirectoryUser.external_id == texts["externalid"])
    if "id" in texts:
        user_id = _uuid(texts["id"])
        found.append(Agent.id == user_id if user_id else false())
    return found


async def _with_groups(session: Session, rows: Sequence[tuple[Agent, DirectoryUser | None]]) -> list[UserRecord]:
    query = (
        select(DirectoryGroupMember.agent_id, DirectoryGroup.id, DirectoryGroup.name)
        .join(DirectoryGroup, DirectoryGroup.id == DirectoryGroupMember.group_id)
        .where(DirectoryGroupMember.agent_id.in_([agent.id for agent, _ in rows]))
        .order_by(DirectoryGroup.name)
    )
    groups: dict[UUID, list[Reference]] = {}
    if rows:
        for agent_id, group_id, name in (await session.execute(query)).tuples():
            groups.setdefault(agent_id, []).append((group_id, name))
    return [UserRecord(agent, known, groups.get(agent.id, ())) for agent, known in rows]


async def get_group(session: Session, group_id: str, *, with_members: bool = True) -> GroupRecord:
    """A group. Raises ScimRefusal 404."""
    key = _uuid(group_id)
    group = await session.get(DirectoryGroup, key) if key else None
    if group is None:
        raise no_such("group")
    return (await _with_members(session, [group], with_members=with_members))[0]


async def list_groups(session: Session, asked: ListRequest, *, with_members: bool) -> tuple[int, list[GroupRecord]]:
    """The total number of matches, and the groups of the page."""
    texts = required_texts(asked.condition) if asked.condition is not None else {}
    query = select(DirectoryGroup).order_by(DirectoryGroup.created_at, DirectoryGroup.id)
    if "displayname" in texts:
        query = query.where(func.lower(DirectoryGroup.name) == texts["displayname"].lower())
    if asked.condition is None:
        total = await session.scalar(select(func.count()).select_from(DirectoryGroup)) or 0
        page = query.offset(asked.start - 1).limit(asked.count)
        groups = (await session.scalars(page)).all() if asked.count else []
        return total, await _with_members(session, groups, with_members=with_members)
    records = await _with_members(session, (await session.scalars(query)).all(), with_members=True)
    found = [one for one in records if matches(asked.condition, one.resource(asked.base))]
    return len(found), found[asked.start - 1 : asked.start - 1 + asked.count]


async def _with_members(session: Session, groups: Sequence[DirectoryGroup], *, with_members: bool) -> list[GroupRecord]:
    members: dict[UUID, list[Reference]] = {}
    if with_members and groups:
        query = (
            select(DirectoryGroupMember.group_id, Agent.id, Agent.name)
            .join(Agent, Agent.id == DirectoryGroupMember.agent_id)
            .where(DirectoryGroupMember.group_id.in_([group.id for group in groups]))
            .order_by(Agent.created_at, Agent.id)
        )
        for group_id, agent_id, name in (await session.execute(query)).tuples():
            members.setdefault(group_id, []).append((agent_id, name))
    return [GroupRecord(group, members.get(group.id, ())) for group in groups]


async def known_agents(session: Session, ids: Collection[UUID]) -> set[UUID]:
    """Those of the given agents that a directory can see."""
    query = (
        select(Agent.id)
        .outerjoin(DirectoryUser, DirectoryUser.agent_id == Agent.id)
        .where(Agent.id.in_(ids), DirectoryUser.deleted_at.is_(None))
    )
    return set(await session.scalars(query))


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
