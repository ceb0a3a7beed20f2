"""SCIM operations on users: users are agents, and a deleted user is a deactivated agent."""

from typing import Any

from sqlalchemy import delete

from services.assignment.access.scim.documents import USER_KIND, Json
from services.assignment.access.scim.errors import ScimRefusal
from services.assignment.access.scim.patching import apply_operations, read_operations
from services.assignment.access.scim.resources import UserRecord, WantedUser, wanted_user
from services.assignment.access.scim.store import find_user_by_name, get_user
from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import changing
from services.assignment.commands.configuration.audit import record_change
from services.assignment.commands.people.granting import lock_rights
from services.assignment.commands.people.people import change_agent_within, create_agent
from services.assignment.models import Agent, DirectoryGroupMember, DirectoryUser
from services.assignment.queries.access.callers import Caller
from services.assignment.schemas.people import AgentInput, AgentPatch
from services.assignment.schemas.provisioning import DirectoryUserView
from services.assignment.settings import AssignmentSettings
from shared.kit.clock import utc_now
from shared.kit.db import Session


async def create_user(context: AppState, by: Caller, body: Any) -> UserRecord:
    """Creates an agent, or reactivates one deleted by the directory. Raises ScimRefusal 400 and 409."""
    wanted = wanted_user(USER_KIND.normal(body))
    async with changing(context, by) as session:
        await lock_rights(session)
        taken = await find_user_by_name(session, wanted.user_name, wanted.email)
        if taken is not None and (taken.known is None or taken.known.deleted_at is None):
            raise _taken()
        if taken is None:
            view = await create_agent(session, by, AgentInput(email=wanted.email, name=wanted.name))
            agent = await session.get_one(Agent, view.id)
        else:
            agent = taken.agent
        record = UserRecord(agent, taken.known if taken else None)
        return await _carry_out(session, context.settings, by, record, wanted)


async def replace_user(context: AppState, by: Caller, user_id: str, body: Any, expected: str | None) -> UserRecord:
    """Replaces a user (PUT). Raises ScimRefusal 400, 404, 409, 412."""
    said = USER_KIND.normal(body)
    async with changing(context, by) as session:
        record = await _locked(session, user_id, expected)
        wanted = wanted_user(said, is_active=record.agent.is_active)
        return await _carry_out(session, context.settings, by, record, wanted)


async def patch_user(context: AppState, by: Caller, user_id: str, body: Any, expected: str | None) -> UserRecord:
    """Applies PATCH operations to a user. Raises ScimRefusal 400, 404, 409, 412."""
    operations = read_operations(body)
    async with changing(context, by) as session:
        record = await _locked(session, user_id, expected)
        said: Json = record.document()
        apply_operations(USER_KIND, said, operations)
        wanted = wanted_user(USER_KIND.normal(said), is_active=record.agent.is_active)
        return await _carry_out(session, context.settings, by, record, wanted)


async def delete_user(context: AppState, by: Caller, user_id: str, expected: str | None) -> None:
    """Deactivates the agent and hides the user; their history stays. Raises ScimRefusal 404, 412."""
    async with changing(context, by) as session:
        record = await _locked(session, user_id, expected)
        await change_agent_within(session, context.settings, by, record.agent.id, AgentPatch(is_active=False))
        known = record.known or _new(record.agent)
        before = _view(record.agent, known)
        known.deleted_at = known.changed_at = utc_now()
        session.add(known)
        await session.execute(delete(DirectoryGroupMember).where(DirectoryGroupMember.agent_id == record.agent.id))
        await session.flush()
        await record_change(session, before, _view(record.agent, known))


async def _locked(session: Session, user_id: str, expected: str | None) -> UserRecord:
    await lock_rights(session)
    record = await get_user(session, user_id, for_update=True)
    check_version(record.version, expected)
    return record


def check_version(version: str, expected: str | None) -> None:
    """Raises ScimRefusal 412 if `If-Match` names another version."""
    wanted = {one.strip() for one in (expected or "*").split(",")}
    if "*" not in wanted and version not in wanted:
        raise ScimRefusal(412, f"it is at version {version} by now; read it again")


def _taken() -> ScimRefusal:
    return ScimRefusal(409, "somebody else has this userName or e-mail address", "uniqueness")


async def _carry_out(
    session: Session, settings: AssignmentSettings, by: Caller, record: UserRecord, wanted: WantedUser
) -> UserRecord:
    agent, known = record.agent, record.known
    other = await find_user_by_name(session, wanted.user_name, wanted.email)
    if other is not None and other.agent.id != agent.id:
        raise _taken()
    patch: Json = {"email": wanted.email, "name": wanted.name, "is_active": wanted.is_active}
    differing = {name: value for name, value in patch.items() if value != getattr(agent, name)}
    if differing:
        await change_agent_within(session, settings, by, agent.id, AgentPatch(**differing))
    said = (wanted.user_name, wanted.external_id, wanted.document, None)
    if known is None or said != (known.user_name, known.external_id, known.document, known.deleted_at):
        before = _view(agent, known) if known else None
        known = known or _new(agent)
        known.user_name, known.external_id, known.document, known.deleted_at = said
        known.version, known.changed_at = (known.version or 0) + 1, utc_now()
        session.add(known)
        await session.flush()
        await record_change(session, before, _view(agent, known))
    return await get_user(session, str(agent.id))


def _new(agent: Agent) -> DirectoryUser:
    return DirectoryUser(
        agent_id=agent.id, user_name=agent.email, external_id=None, document={}, version=0, changed_at=utc_now()
    )


def _view(agent: Agent, known: DirectoryUser) -> DirectoryUserView:
    return DirectoryUserView(
        id=agent.id,
        name=agent.name,
        user_name=known.user_name,
        external_id=known.external_id,
        is_deleted=known.deleted_at is not None,
    )
