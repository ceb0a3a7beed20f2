"""What exports and actions on many tickets hold of people who are erased."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import delete, select

from services.assignment.models import BulkJob, BulkTicket, Export
from shared.kit.db import Session


async def forget_in_desk_jobs(session: Session, ticket_ids: Collection[UUID]) -> None:
    """Deletes every export, for each may name them, and what was written to these tickets together with others."""
    if not ticket_ids:
        return
    await session.execute(delete(Export))
    about = select(BulkTicket.job_id).where(BulkTicket.ticket_id.in_(list(ticket_ids)))
    await session.execute(delete(BulkJob).where(BulkJob.id.in_(about), BulkJob.finished_at.is_not(None)))
