"""Commands that start and revert a roll-out; all lines are stored first and applied in the background."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, literal, select

from services.assignment.app_state import AppState
from services.assignment.commands.configuration.audit import record_change
from services.assignment.commands.configuration.versions import lock
from services.assignment.models import Rollout, RolloutStep, RolloutTicket, Ticket, table_of
from services.assignment.schemas.rollouts import (
    UNDER_WAY,
    RolloutInput,
    RolloutMode,
    RolloutState,
    RolloutTicketState,
    RolloutView,
)
from services.assignment.sla_analysis.rollout_preview import get_newest
from services.assignment.sla_analysis.rollout_queries import get_rollout, get_rollout_view
from services.assignment.sla_analysis.rollout_targets import VERSION, rollout_targets
from shared.contracts.policies import PolicySnapshot
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Session
from shared.kit.http.problems import Problem


async def start_rollout(
    context: AppState, session: Session, policy_id: UUID, asked: RolloutInput, by: UUID | None
) -> RolloutView:
    """Stores a roll-out with a line for every ticket concerned. Raises Problem 404 and 409."""
    now = utc_now()
    await lock(session, f"policy:{policy_id}")
    policy = await get_newest(context, session, policy_id, now)
    _refuse_unseen(policy, asked)
    await _refuse_second(session, policy_id)
    rollout = Rollout(
        id=new_id(),
        policy_id=policy_id,
        version=policy.version,
        calendar_version=policy.calendar.version,
        digest=policy.digest,
        mode=asked.mode.value,
        filter=asked.filter.model_dump(mode="json"),
        comment=asked.comment,
        state="",
        created_by=by,
        created_at=now,
    )
    is_kept = asked.mode is RolloutMode.GRANDFATHER
    session.add(rollout)
    enter(session, rollout, RolloutState.DONE if is_kept else RolloutState.QUEUED, now, by)
    await session.flush()
    await _write_lines(
        session, rollout, policy, asked, RolloutTicketState.KEPT if is_kept else RolloutTicketState.QUEUED
    )
    view = await get_rollout_view(session, policy_id, rollout.id)
    await record_change(session, None, view)
    return view


async def revert_rollout(session: Session, policy_id: UUID, rollout_id: UUID, by: UUID | None) -> RolloutView:
    """Reverts the policy of every ticket changed so far; other lines are skipped. Raises Problem 404 and 409."""
    await lock(session, f"policy:{policy_id}")
    rollout = await get_rollout(session, policy_id, rollout_id)
    if rollout.mode == RolloutMode.GRANDFATHER:
        raise Problem(409, "nothing_to_revert", "a grandfathering has changed no ticket; roll the policy out instead")
    if rollout.state in (RolloutState.REVERTING, RolloutState.REVERTED):
        raise Problem(409, "already_reverted", f"this roll-out is {rollout.state} already")
    await _refuse_second(session, policy_id, except_for=rollout_id)
    before = await get_rollout_view(session, policy_id, rollout_id)
    enter(session, rollout, RolloutState.REVERTING, utc_now(), by)
    await session.flush()
    view = await get_rollout_view(session, policy_id, rollout_id)
    await record_change(session, before, view)
    return view


def enter(session: Session, rollout: Rollout, state: RolloutState, at: datetime, by: UUID | None = None) -> None:
    """Changes the state of a roll-out and appends to its history; the only place that does."""
    rollout.state = state.value
    session.add(RolloutStep(rollout_id=rollout.id, state=state.value, at=at, by=by))


def _refuse_unseen(policy: PolicySnapshot, asked: RolloutInput) -> None:
    seen, newest = (asked.version, asked.calendar_version), (policy.version, policy.calendar.version)
    if any(one not in (None, other) for one, other in zip(seen, newest, strict=True)):
        detail = f"the newest is version {newest[0]} with version {newest[1]} of its calendar; look ahead again"
        raise Problem(409, "newer_version", detail)


async def _refuse_second(session: Session, policy_id: UUID, except_for: UUID | None = None) -> None:
    query = select(Rollout.id).where(Rollout.policy_id == policy_id, Rollout.state.in_(UNDER_WAY))
    other = next((found for found in await session.scalars(query) if found != except_for), None)
    if other is not None:
        raise Problem(
            409, "rollout_under_way", f"roll-out {other} of this policy is not finished; wait for it or revert it"
        )


async def _write_lines(
    session: Session, rollout: Rollout, policy: PolicySnapshot, asked: RolloutInput, state: RolloutTicketState
) -> None:
    """Inserts a row for every ticket concerned, in one statement."""
    columns = ("rollout_id", "ticket_id", "state", "from_version", "attempts", "changed_at")
    rows = rollout_targets(policy, asked.filter).with_only_columns(
        literal(rollout.id),
        Ticket.id,
        literal(state.value),
        VERSION,
        literal(0),
        literal(rollout.created_at),
    )
    await session.execute(insert(table_of(RolloutTicket)).from_select(columns, rows))
