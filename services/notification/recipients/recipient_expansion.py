"""Expands a decision for a team or several agents into one ledger row for each of them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, or_, select, update
from sqlalchemy.orm import aliased

from services.notification.decisions.event_rules import (
    ALREADY_NOTIFIED,
    DONE_BY,
    TEAM,
    Breach,
    NotificationDecision,
    Recipient,
    agent,
    lead,
)
from services.notification.decisions.fallback_recipients import members_who_act
from services.notification.delivery.status import TOLD_WITH_WORSE, DeliveryStatus
from services.notification.delivery.templates import TemplateName
from services.notification.models import IS_WAITING, Agent, Delivery, Team
from services.notification.recipients.delivery_repository import record
from shared.contracts.base import AgentId, TeamId, TicketId
from shared.kit.auth import MailThreads
from shared.kit.db import Session

AT_ONCE = 500
WITHDRAWN = "the breach was withdrawn before anybody was told of it"


async def expand(session: Session, threads: MailThreads) -> None:
    """Expands rows for a team whose members are known, and rows for the recipients of a withdrawn breach."""
    waiting = (
        select(Delivery, Team)
        .outerjoin(Team, Team.id == Delivery.team_id)
        .where(
            IS_WAITING,
            or_(
                Delivery.recipient == ALREADY_NOTIFIED.key,
                Delivery.recipient.startswith(TEAM) & (func.cardinality(Team.member_ids) > 0),
            ),
        )
        .order_by(Delivery.id)
        .limit(AT_ONCE)
        .with_for_update(of=Delivery, skip_locked=True)
    )
    for row in (await session.execute(waiting)).all():
        await _expand_one(session, row, threads)


async def _expand_one(session: Session, row: Row[*tuple[Any, ...]], threads: MailThreads) -> None:
    whole: Delivery = row.Delivery
    about = Breach(whole.about, whole.seq) if whole.about is not None and whole.seq is not None else None
    recipients: Sequence[Recipient]
    if whole.recipient == ALREADY_NOTIFIED.key and about is not None:
        told = await _withdraw(session, whole.ticket_id, about)
        recipients, about_each = [agent(AgentId(one)) for one in sorted(told)], None
    else:
        recipients, about_each = await _members_to_tell(session, row.Team, whole.facts.get(DONE_BY)), about
    ticket_id, template, facts = TicketId(whole.ticket_id), TemplateName(whole.template), dict(whole.facts)
    each = [
        NotificationDecision(
            ticket_id, template, recipient, facts, about_each, whole.weight, whole.audience, whole.channel
        )
        for recipient in recipients
    ]
    await record(session, whole.cause, each, threads)
    whole.status, whole.facts = DeliveryStatus.EXPANDED.value, {}
    await session.flush()


async def _members_to_tell(session: Session, team: Team, done_by: str | None) -> Sequence[Recipient]:
    """Returns the active members of the team without the author of the change; the lead if none is left."""
    ids = members_who_act(team)
    inactive = set(await session.scalars(select(Agent.id).where(Agent.id.in_(ids), Agent.is_active.is_(False))))
    active = sorted(set(ids) - inactive)
    if not active:
        return [lead(TeamId(team.id))]
    return [agent(AgentId(one)) for one in active if str(one) != done_by]


async def _withdraw(session: Session, ticket_id: UUID, withdrawn: Breach) -> set[UUID]:
    """Drops unsent mails about the breach; returns the agents who were sent one."""
    earlier = aliased(Delivery)
    since = select(func.coalesce(func.max(earlier.seq), 0)).where(
        earlier.ticket_id == ticket_id,
        earlier.recipient == ALREADY_NOTIFIED.key,
        earlier.about == withdrawn.key,
        earlier.seq < withdrawn.seq,
    )
    of_it = (
        Delivery.ticket_id == ticket_id,
        Delivery.about == withdrawn.key,
        Delivery.recipient != ALREADY_NOTIFIED.key,
        Delivery.seq < withdrawn.seq,
        Delivery.seq > since.scalar_subquery(),
    )
    await session.execute(
        update(Delivery)
        .where(*of_it, Delivery.status.in_([DeliveryStatus.WAITING, DeliveryStatus.QUEUED]))
        .values(status=DeliveryStatus.DROPPED.value, next_attempt_at=None, last_error=WITHDRAWN, facts={})
        .execution_options(synchronize_session=False)
    )
    told = select(Delivery.agent_id).where(
        *of_it,
        Delivery.agent_id.is_not(None),
        or_(
            Delivery.status.in_([DeliveryStatus.SENDING, DeliveryStatus.SENT]),
            Delivery.last_error == TOLD_WITH_WORSE,
        ),
    )
    return {agent_id for agent_id in await session.scalars(told) if agent_id is not None}
