"""The background job that ends offers, hands tickets over and assigns the backlog; locks keep replicas apart."""

from datetime import timedelta

from sqlalchemy import delete

from services.assignment.app_state import AppState
from services.assignment.backlog.batch_assignment import assign_batch
from services.assignment.backlog.decision_dispatch import send, take_unsent
from services.assignment.backlog.handover import hand_over
from services.assignment.backlog.offers import end_offers
from services.assignment.backlog.pending import has_work
from services.assignment.backlog.waiting_tickets import list_waiting_teams
from services.assignment.models import TicketAssignment
from shared.kit.clock import utc_now
from shared.kit.db import Session

KEPT = timedelta(days=30)
ROUNDS = 50
"""Batches per team and pass, so that one team with a large backlog does not delay the others."""


async def run_backlog_job(context: AppState) -> None:
    """Processes the backlog until cancelled; waits for a wake-up or the sweep interval between passes."""
    while True:
        found = await process_backlog(context)
        await context.backlog.wait(has_found=found)


async def process_backlog(context: AppState) -> bool:
    """One pass: ends offers, sends pending decisions, hands over, assigns. Returns whether another is due soon."""
    async with context.database.begin() as session:
        now = utc_now()
        if not await has_work(session, now):
            return False
        has_offers = await end_offers(session, now)
        unsent = await take_unsent(session, now)
    answered = await send(context, unsent)
    answered += await send(context, await hand_over(context))
    async with context.database.begin() as session:
        team_ids = await list_waiting_teams(session)
    is_busy = False
    for team_id in team_ids:
        for _ in range(ROUNDS):
            batch = await assign_batch(context, team_id)
            is_busy = is_busy or batch.is_locked_out
            answered += await send(context, batch.rows)
            if not batch.has_more:
                break
    return bool(answered or has_offers or is_busy)


async def forget_settled(session: Session) -> None:
    """Deletes settled decisions older than KEPT; the event log keeps their evidence."""
    old = TicketAssignment.decided_at < utc_now() - KEPT
    await session.execute(delete(TicketAssignment).where(old, TicketAssignment.state.not_in(("offered", "sent"))))
