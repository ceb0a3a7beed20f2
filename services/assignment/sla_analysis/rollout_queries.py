"""Queries of roll-outs: progress, and the outcome for every ticket."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import func, select

from services.assignment.models import Rollout, RolloutStep, RolloutTicket, Ticket
from services.assignment.queries.administration.configuration import get_current_policy
from services.assignment.queries.cursors import uuid_in
from services.assignment.schemas.rollouts import (
    RolloutCounts,
    RolloutState,
    RolloutStepView,
    RolloutTicketState,
    RolloutTicketView,
    RolloutView,
)
from shared.kit.db import Session
from shared.kit.http.paging import Page, decode_cursor, encode_cursor
from shared.kit.http.problems import not_found


async def get_rollout(session: Session, policy_id: UUID, rollout_id: UUID) -> Rollout:
    """One roll-out of a policy. Raises Problem 404."""
    found = await session.get(Rollout, rollout_id)
    if found is None or found.policy_id != policy_id:
        raise not_found("roll-out of this SLA policy")
    return found


async def get_rollout_view(session: Session, policy_id: UUID, rollout_id: UUID) -> RolloutView:
    """One roll-out as answered. Raises Problem 404."""
    return (await _views(session, [await get_rollout(session, policy_id, rollout_id)]))[0]


async def list_rollouts(session: Session, policy_id: UUID, limit: int, cursor: str | None) -> Page[RolloutView]:
    """A page of a policy's roll-outs, newest first. Raises Problem 404 and, for a cursor not ours, 422."""
    await get_current_policy(session, policy_id)
    query = select(Rollout).where(Rollout.policy_id == policy_id).order_by(Rollout.id.desc()).limit(limit + 1)
    position = decode_cursor(cursor, str)
    if position is not None:
        query = query.where(Rollout.id < uuid_in(position[0]))
    rows = list(await session.scalars(query))
    more = encode_cursor(rows[limit - 1].id.hex) if len(rows) > limit else None
    return Page(items=await _views(session, rows[:limit]), next_cursor=more)


async def list_rollout_tickets(
    session: Session, rollout: Rollout, states: Sequence[RolloutTicketState], limit: int, cursor: str | None
) -> Page[RolloutTicketView]:
    """A page of a roll-out's tickets, by id. Raises Problem 422 for a cursor not ours."""
    query = (
        select(RolloutTicket, Ticket.number)
        .join(Ticket, Ticket.id == RolloutTicket.ticket_id)
        .where(RolloutTicket.rollout_id == rollout.id)
        .order_by(RolloutTicket.ticket_id)
        .limit(limit + 1)
    )
    if states:
        query = query.where(RolloutTicket.state.in_([state.value for state in states]))
    position = decode_cursor(cursor, str)
    if position is not None:
        query = query.where(RolloutTicket.ticket_id > uuid_in(position[0]))
    rows = (await session.execute(query)).tuples().all()
    more = encode_cursor(rows[limit - 1][0].ticket_id.hex) if len(rows) > limit else None
    return Page(items=[_ticket_view(row, number) for row, number in rows[:limit]], next_cursor=more)


async def _views(session: Session, rollouts: Sequence[Rollout]) -> list[RolloutView]:
    ids = [rollout.id for rollout in rollouts]
    counts: dict[UUID, dict[str, int]] = {rollout_id: {} for rollout_id in ids}
    counting = select(RolloutTicket.rollout_id, RolloutTicket.state, func.count()).group_by(
        RolloutTicket.rollout_id, RolloutTicket.state
    )
    for rollout_id, state, number in (
        await session.execute(counting.where(RolloutTicket.rollout_id.in_(ids)))
    ).tuples():
        counts[rollout_id][state] = number
    steps: dict[UUID, list[RolloutStepView]] = {rollout_id: [] for rollout_id in ids}
    history = select(RolloutStep).where(RolloutStep.rollout_id.in_(ids)).order_by(RolloutStep.id)
    for step in await session.scalars(history):
        steps[step.rollout_id].append(RolloutStepView(state=RolloutState(step.state), at=step.at, by=step.by))
    return [_view(rollout, counts[rollout.id], steps[rollout.id]) for rollout in rollouts]


def _view(rollout: Rollout, counts: dict[str, int], history: list[RolloutStepView]) -> RolloutView:
    derived = {"counts": RolloutCounts(total=sum(counts.values()), **counts), "history": history}
    stored = {name: getattr(rollout, name) for name in RolloutView.model_fields.keys() - derived.keys()}
    return RolloutView.model_validate(stored | derived)


def _ticket_view(row: RolloutTicket, number: str) -> RolloutTicketView:
    stored = {name: getattr(row, name) for name in RolloutTicketView.model_fields if name != "number"}
    return RolloutTicketView.model_validate(stored | {"number": number})
