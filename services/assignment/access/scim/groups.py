"""SCIM operations on groups; membership decides the roles mapped to them."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, select

from services.assignment.access.group_roles import align_with_groups
from services.assignment.access.scim.documents import GROUP_KIND, Json
from services.assignment.access.scim.errors import ScimRefusal, bad_request
from services.assignment.access.scim.patching import apply_operations, read_operations
from services.assignment.access.scim.resources import MAX_NAME, GroupRecord
from services.assignment.access.scim.store import get_group, known_agents
from services.assignment.access.scim.users import check_version
from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import changing
from services.assignment.commands.configuration.audit import record_change
from services.assignment.commands.people.granting import lock_rights
from services.assignment.models import DirectoryGroup, DirectoryGroupMember
from services.assignment.queries.access.callers import Caller
from services.assignment.schemas.provisioning import DirectoryGroupView
from services.assignment.settings import AssignmentSettings
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Session


async def create_group(context: AppState, by: Caller, body: Any) -> GroupRecord:
    """Creates a group with its members. Raises ScimRefusal 400 and 409."""
    said = GROUP_KIND.normal(body)
    async with changing(context, by) as session:
        await lock_rights(session)
        now = utc_now()
        group = DirectoryGroup(id=new_id(), name=_name(said), version=0, created_at=now, changed_at=now)
        await _refuse_taken(session, group.name, group.id)
        session.add(group)
        return await _carry_out(session, context.settings, by, GroupRecord(group), said, is_new=True)


async def replace_group(context: AppState, by: Caller, group_id: str, body: Any, expected: str | None) -> GroupRecord:
    """Replaces a group (PUT). Raises ScimRefusal 400, 404, 409, 412."""
    said = GROUP_KIND.normal(body)
    async with changing(context, by) as session:
        record = await _locked(session, group_id, expected)
        return await _carry_out(session, context.settings, by, record, said)


async def patch_group(context: AppState, by: Caller, group_id: str, body: Any, expected: str | None) -> GroupRecord:
    """Applies PATCH operations to a group. Raises ScimRefusal 400, 404, 409, 412."""
    operations = read_operations(body)
    async with changing(context, by) as session:
        record = await _locked(session, group_id, expected)
        said: Json = record.document()
        apply_operations(GROUP_KIND, said, operations)
        return await _carry_out(session, context.settings, by, record, GROUP_KIND.normal(said))


async def delete_group(context: AppState, by: Caller, group_id: str, expected: str | None) -> None:
    """Deletes a group; its members lose the roles mapped to it. Raises ScimRefusal 404 and 412."""
    async with changing(context, by) as session:
        record = await _locked(session, group_id, expected)
        members = sorted(agent_id for agent_id, _ in record.members)
        await session.delete(record.group)
        await session.flush()
        await align_with_groups(session, context.settings, by, members)
        await record_change(session, _view(record.group, len(members)), None)


async def _locked(session: Session, group_id: str, expected: str | None) -> GroupRecord:
    await lock_rights(session)
    record = await get_group(session, group_id)
    check_version(record.version, expected)
    return record


async def _carry_out(
    session: Session,
    settings: AssignmentSettings,
    by: Caller,
    record: GroupRecord,
    said: Json,
    *,
    is_new: bool = False,
) -> GroupRecord:
    group = record.group
    before = None if is_new else _view(group, len(record.members))
    was, named_before = {agent_id for agent_id, _ in record.members}, (group.name, group.external_id)
    wanted = await _members(session, said)
    name, external_id = _name(said), said.get("externalId")
    await _refuse_taken(session, name, group.id)
    added, removed = sorted(wanted - was), sorted(was - wanted)
    if not is_new and not added and not removed and named_before == (name, external_id):
        return record
    group.name, group.external_id = name, external_id
    group.version, group.changed_at = group.version + 1, utc_now()
    await session.flush()
    await _write_members(session, group.id, added, removed)
    is_renamed = named_before != (name, external_id)
    await align_with_groups(session, settings, by, sorted(was | wanted) if is_renamed else sorted({*added, *removed}))
    await record_change(session, before, _view(group, len(wanted), added, removed))
    return await get_group(session, str(group.id))


async def _write_members(session: Session, group_id: UUID, added: Collection[UUID], removed: Collection[UUID]) -> None:
    theirs = DirectoryGroupMember.group_id == group_id
    if removed:
        await session.execute(delete(DirectoryGroupMember).where(theirs, DirectoryGroupMember.agent_id.in_(removed)))
    if added:
        rows = [{"group_id": group_id, "agent_id": agent_id} for agent_id in added]
        await session.execute(insert(DirectoryGroupMember), rows)


async def _members(session: Session, said: Json) -> set[UUID]:
    """Validates members. Raises ScimRefusal 400 (`invalidValue`) for one that is no user here."""
    wanted: set[UUID] = set()
    for member in said.get("members", ()):
        try:
            wanted.add(UUID(member.get("value", "")))
        except ValueError:
            raise bad_request("invalidValue", "a member's value is the id of a user") from None
    unknown = wanted - await known_agents(session, wanted)
    if unknown:
        raise bad_request("invalidValue", f"there is no user {min(unknown)}; groups within groups are not kept")
    return wanted


def _name(said: Json) -> str:
    name = str(said.get("displayName", "")).strip()
    if not name or len(name) > MAX_NAME or len(said.get("externalId", "")) > MAX_NAME:
        raise bad_request("invalidValue", f"displayName is required; it and externalId have at most {MAX_NAME} letters")
    return name


async def _refuse_taken(session: Session, name: str, group_id: UUID) -> None:
    same = select(DirectoryGroup.id).where(func.lower(DirectoryGroup.name) == name.lower())
    if await session.scalar(same.where(DirectoryGroup.id != group_id)):
        raise ScimRefusal(409, "another group has this displayName", "uniqueness")


def _view(
    group: DirectoryGroup, members: int, added: Collection[UUID] = (), removed: Collection[UUID] = ()
) -> DirectoryGroupView:
    return DirectoryGroupView(
        id=group.id,
        name=group.name,
        external_id=group.external_id,
        members=members,
        added=list(added),
        removed=list(removed),
    )
