"""The next automatic transitions of a pending ticket, from its log and its policy snapshot."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement, func, select

from services.assignment.models import LoggedEvent, StoredSnapshot
from shared.contracts.events import TicketPended, TicketPolicyChanged, TicketReminded, TicketTriaged
from shared.contracts.policies import PolicySnapshot
from shared.domain.ticket.automatic_transitions import pending_timers
from shared.kit.db import Session


@dataclass(frozen=True, slots=True)
class UpcomingTimers:
    """The next reminder and auto-resolve of a pending ticket; None = never or unknown."""

    reminds_at: datetime | None = None
    resolves_at: datetime | None = None


async def get_upcoming_timers(session: Session, ticket_id: UUID) -> UpcomingTimers:
    """Returns the next reminder and the auto-resolve instant of a pending ticket."""
    policy = await _find_policy(session, ticket_id)
    pended = await session.scalar(
        select(LoggedEvent)
        .where(LoggedEvent.ticket_id == ticket_id, _is(TicketPended))
        .order_by(LoggedEvent.seq.desc())
        .limit(1)
    )
    if policy is None or pended is None:
        return UpcomingTimers()
    reminders = select(func.count()).where(
        LoggedEvent.ticket_id == ticket_id, _is(TicketReminded), LoggedEvent.seq > pended.seq
    )
    coming = dict(pending_timers(policy, pended.at, await session.scalar(reminders) or 0))
    return UpcomingTimers(coming.get("pending_reminder"), coming.get("pending_resolve"))


async def _find_policy(session: Session, ticket_id: UUID) -> PolicySnapshot | None:
    """Returns the policy; None if an older log does not name it exactly."""
    digest = (
        select(LoggedEvent.data["policy_digest"].astext)
        .where(LoggedEvent.ticket_id == ticket_id, _is(TicketTriaged, TicketPolicyChanged))
        .order_by(LoggedEvent.seq.desc())
        .limit(1)
    )
    body = await session.scalar(select(StoredSnapshot.body).where(StoredSnapshot.digest == digest.scalar_subquery()))
    return PolicySnapshot.model_validate(body) if body else None


def _is(*events: type[TicketPended | TicketReminded | TicketTriaged | TicketPolicyChanged]) -> ColumnElement[bool]:
    return LoggedEvent.type.in_([event.event_name for event in events])
