"""Administration of SLA policies: every change is a new version, and an old one can be had back."""

from uuid import UUID

from sqlalchemy import select, update

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import changes_of, changing
from services.assignment.commands.configuration.audit import record_change
from services.assignment.commands.configuration.policy_validation import (
    check_policy,
    refuse_inactive_default,
    refuse_removed_default,
)
from services.assignment.commands.configuration.versions import check_not_newest, is_same, lock, merged, restored
from services.assignment.models import Policy
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.administration.configuration import get_current_policy, policy_view
from services.assignment.queries.administration.deactivation import names_in_ladder
from services.assignment.queries.administration.versions import get_policy_version
from services.assignment.schemas.patches import nullable_in
from services.assignment.schemas.rules import PolicyInput, PolicyPatch, PolicyView
from shared.contracts.policies import SlaPolicy
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Session


async def create_policy(session: Session, body: PolicyInput, by: UUID | None) -> PolicyView:
    """Adds an SLA policy."""
    policy = SlaPolicy.model_validate(body.model_dump(exclude={"is_default", "is_active"}))
    view = policy_view(await _add(session, new_id(), 1, policy, by, is_default=body.is_default))
    await record_change(session, None, view)
    return view


async def change_policy(context: AppState, by: Caller, policy_id: UUID, body: PolicyPatch) -> PolicyView:
    """The next version of a policy, if anything differs; tickets keep the version they have until `change-policy`."""
    changes = changes_of(body, nullable=nullable_in(SlaPolicy))
    async with changing(context, by) as session:
        current = await _lock(session, policy_id)
        is_default = changes.pop("is_default", current.is_default)
        is_active = changes.pop("is_active", current.is_active)
        refuse_removed_default(was_default=current.is_default, is_default=is_default)
        refuse_inactive_default(is_default=is_default, is_active=is_active)
        policy = merged(SlaPolicy, current.body, changes)
        is_as_before = (is_default, is_active) == (current.is_default, current.is_active)
        before = policy_view(current)
        if is_as_before and is_same(policy, current.body):
            return before
        following = await _add_next(session, current, policy, by.person_id, is_default=is_default)
        following.is_active = is_active
        await session.flush()
        await record_change(session, before, policy_view(following))
        return policy_view(following)


async def restore_policy(session: Session, policy_id: UUID, version: int, by: UUID | None) -> PolicyView:
    """An old version once more, as the newest; whether it is the default stays. Raises Problem 404 and 409."""
    current = await _lock(session, policy_id)
    check_not_newest(version, current.version)
    old = await get_policy_version(session, policy_id, version)
    policy = restored(SlaPolicy, old.body, version)
    before = policy_view(current)
    view = policy_view(await _add_next(session, current, policy, by, is_default=current.is_default))
    await record_change(session, before, view)
    return view


async def rename_in_ladders(session: Session, old: str, new: str, by: UUID | None) -> None:
    """A next version of every policy with a step that names a team which is there no more."""
    named = select(Policy.id).where(Policy.is_current, names_in_ladder(old)).order_by(Policy.id)
    for policy_id in (await session.scalars(named)).all():
        current = await _lock(session, policy_id)
        steps = [
            {**step, "to": new if step.get("to") == old else step.get("to")} for step in current.body["escalations"]
        ]
        policy = merged(SlaPolicy, current.body, {"escalations": steps})
        before = policy_view(current)
        following = await _add_next(session, current, policy, by, is_default=current.is_default)
        await record_change(session, before, policy_view(following))


async def _lock(session: Session, policy_id: UUID) -> Policy:
    await lock(session, f"policy:{policy_id}")
    return await get_current_policy(session, policy_id)


async def _add_next(
    session: Session, current: Policy, policy: SlaPolicy, by: UUID | None, *, is_default: bool
) -> Policy:
    current.is_current = False
    await session.flush()
    following = await _add(session, current.id, current.version + 1, policy, by, is_default=is_default)
    following.is_active = current.is_active
    return following


async def _add(
    session: Session, policy_id: UUID, version: int, policy: SlaPolicy, by: UUID | None, *, is_default: bool
) -> Policy:
    now = utc_now()
    await check_policy(session, policy, now)
    if is_default:
        await session.execute(update(Policy).where(Policy.is_default, Policy.is_current).values(is_default=False))
    stored = Policy(
        id=policy_id,
        version=version,
        body=policy.model_dump(mode="json"),
        is_default=is_default,
        is_current=True,
        created_at=now,
        created_by=by,
    )
    session.add(stored)
    await session.flush()
    return stored
