"""Preview of a roll-out: its effect on every running ticket, computed from the event log; writes nothing."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.assignment.app_state import AppState
from services.assignment.models import Ticket
from services.assignment.queries.administration.configuration import get_current_policy
from services.assignment.queries.cursors import uuid_in
from services.assignment.schemas.rollouts import (
    ClockPreview,
    Preview,
    PreviewInput,
    PreviewTotals,
    RolloutFilter,
    TicketPreview,
)
from services.assignment.sla_analysis.rollout_targets import count_running, rollout_targets
from services.assignment.sla_analysis.ticket_histories import PolicyByDigest, get_histories
from shared.contracts.policies import PolicySnapshot
from shared.contracts.tickets import TicketSnapshot
from shared.contracts.vocabulary import PolicyMode
from shared.domain.rollouts import SimulatedChange, SimulatedClock, ticket_from_history, try_simulate_change
from shared.domain.sla import History
from shared.kit.clock import utc_now
from shared.kit.db import Session
from shared.kit.http.paging import decode_cursor, encode_cursor
from shared.kit.http.problems import not_found

AT_ONCE = 200
"""Tickets looked at in one go: their histories are in memory together."""


@dataclass(frozen=True, slots=True)
class PreviewRequest:
    """Input of a preview."""

    policy: PolicySnapshot
    mode: PolicyMode | None
    narrowed: RolloutFilter
    at: datetime


async def preview(context: AppState, policy_id: UUID, asked: PreviewInput, limit: int, cursor: str | None) -> Preview:
    """Returns a page of tickets, with totals over all on the first page. Raises Problem 404 and 422."""
    position = decode_cursor(cursor, str)
    after = uuid_in(position[0]) if position else None
    now = utc_now()
    async with context.database.begin() as session:
        policy = await get_newest(context, session, policy_id, now)
        running, behind = await count_running(session, policy, asked.filter) if after is None else (0, 0)
    question = PreviewRequest(policy, asked.mode.command, asked.filter, now)
    totals = PreviewTotals(running=running, concerned=behind, already_on_it=running - behind)
    items: list[TicketPreview] = []
    async for seen in preview_ticket(context, question, after):
        add(totals, seen)
        items += seen[: max(limit + 1 - len(items), 0)]
        if after is not None and len(items) > limit:
            break
    return Preview(
        policy_id=policy_id,
        version=policy.version,
        calendar_version=policy.calendar.version,
        mode=asked.mode,
        previewed_at=now,
        totals=totals if after is None else None,
        items=items[:limit],
        next_cursor=encode_cursor(items[limit - 1].ticket_id.hex) if len(items) > limit else None,
    )


async def get_newest(context: AppState, session: Session, policy_id: UUID, now: datetime) -> PolicySnapshot:
    """Returns the version that new tickets get. Raises Problem 404."""
    await get_current_policy(session, policy_id)
    policy = await context.policies.find_newest(session, policy_id, now)
    if policy is None:
        raise not_found("SLA policy")
    return policy


async def preview_ticket(
    context: AppState, question: PreviewRequest, after: UUID | None
) -> AsyncIterator[list[TicketPreview]]:
    """Yields every ticket concerned in batches, giving other requests a turn between them."""
    shelf = PolicyByDigest({}, context.policies, question.at)
    while True:
        query = rollout_targets(question.policy, question.narrowed).limit(AT_ONCE)
        async with context.database.begin() as session:
            tickets = list(await session.scalars(query.where(Ticket.id > after) if after is not None else query))
            histories = await get_histories(session, shelf, [ticket.id for ticket in tickets])
        yield await asyncio.to_thread(_look_at, tickets, histories, question)
        if len(tickets) < AT_ONCE:
            return
        after = tickets[-1].id


def _look_at(
    tickets: Sequence[Ticket], histories: dict[UUID, History], question: PreviewRequest
) -> list[TicketPreview]:
    seen = []
    for ticket in tickets:
        history = histories.get(ticket.id)
        if history is not None:
            known = ticket_from_history(TicketSnapshot.model_validate(ticket.snapshot), history)
            found = try_simulate_change(known, question.policy, question.mode, question.at)
            if found is not None:
                seen.append(_view(ticket, found))
    return seen


def add(totals: PreviewTotals, seen: Iterable[TicketPreview]) -> None:
    """Adds a batch of tickets to the totals."""
    for ticket in seen:
        totals.resolved_or_closed_at_once += ticket.status_after != ticket.status
        for clock in ticket.clocks:
            is_decided = clock.is_breached and clock.ends_as is None
            if clock.due_before is not None and clock.due_after is not None and not is_decided:
                totals.due_earlier += clock.due_after < clock.due_before
                totals.due_later += clock.due_after > clock.due_before
            totals.breached_at_once += clock.would_breach
            totals.breaches_that_stand += clock.is_breached
            had, has = clock.target_before is not None, clock.target_after is not None
            totals.clocks_begun += has and not had
            totals.clocks_ended += had and not has


def _view(ticket: Ticket, found: SimulatedChange) -> TicketPreview:
    return TicketPreview(
        ticket_id=ticket.id,
        number=ticket.number,
        from_version=ticket.snapshot["policy_version"],
        status=found.status_before,
        status_after=found.status_after,
        priority=found.priority_before,
        priority_after=found.priority_after,
        clocks=[_clock_view(clock) for clock in found.clocks],
    )


def _clock_view(clock: SimulatedClock) -> ClockPreview:
    return ClockPreview.model_validate({name: getattr(clock, name) for name in ClockPreview.model_fields})
