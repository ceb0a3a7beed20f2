"""What a pending ticket will do by itself, and when: read from its log and the very policy it carries."""

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
    """The next instants of a ticket that waits for its requester; None = never, or not known."""

    reminds_at: datetime | None = None
    resolves_at: datetime | None = None


async def get_upcoming_timers(session: Session, ticket_id: UUID) -> UpcomingTimers:
    """When a pending ticket reminds its requester next, and when silence resolves it."""
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
    """None where the log of an older ticket does not name its policy exactly."""
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
