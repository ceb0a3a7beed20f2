"""Mails that waited long, for hours, a digest or a mail server: sent only to those whom they still concern."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, not_, or_, select, tuple_, update

from services.notification.delivery.bundles import BUNDLED
from services.notification.delivery.claimed_mail import ClaimedMail
from services.notification.delivery.status import DeliveryStatus
from services.notification.delivery.templates import TemplateName
from services.notification.models import IS_BUNDLED, Agent, Delivery, Ticket
from services.notification.recipients.ticket_visibility import NEWS, asks_for_sight, is_in_sight, loses_interest
from shared.kit.clock import utc_now
from shared.kit.db import Session

LONG = timedelta(minutes=1)
"""Whoever was told within this time of the event was told while they might see the ticket."""
OUT_OF_SIGHT = "they may not see the ticket"
NOT_THEIRS = "the ticket is not theirs any more"
FOR_ITS_AGENT = frozenset({TemplateName.ASSIGNED})
"""News of which agent has the ticket: a delegate whose turn is over has nothing to do with it any more."""


async def drop_unseen(session: Session, claimed: Sequence[ClaimedMail]) -> set[UUID]:
    """Drops claimed mails that waited long, and those bundled with them, which do not concern their readers any more.

    They lost sight of the ticket, or it was given to them and is not theirs by now. What somebody has to act on is sent
    all the same, as is what administrators get for want of others: they may never have seen the ticket. A mail that
    carries others already loses the lines that are of no concern, and is dropped once none is left. Returns the ids of
    those dropped.
    """
    long_ago = utc_now() - LONG
    held = [one for one in claimed if one.agent_id is not None and one.created_at < long_ago]
    if not held:
        return set()
    carriers = [one for one in held if one.facts.get(BUNDLED)]
    waiting = {one.id for one in held} - {one.id for one in carriers}
    if bundles := {one.bundle for one in held if one.bundle is not None}:
        waiting.update(await session.scalars(select(Delivery.id).where(IS_BUNDLED, Delivery.bundle.in_(bundles))))
    unseen = (
        select(Delivery.id, is_in_sight().label("is_in_sight"))
        .join(Agent, Agent.id == Delivery.agent_id)
        .join(Ticket, Ticket.id == Delivery.ticket_id)
        .where(
            Delivery.id.in_(waiting),
            or_(and_(or_(asks_for_sight(), loses_interest()), not_(is_in_sight())), _was_given_and_is_not_theirs()),
        )
        .order_by(Delivery.id)
        .with_for_update(of=Delivery, skip_locked=True)
    )
    found = (await session.execute(unseen)).all()
    reasons = {row.id: NOT_THEIRS if row.is_in_sight else OUT_OF_SIGHT for row in found}
    reasons |= {one.id: OUT_OF_SIGHT for one in await _without_strange_lines(session, carriers)}
    for reason in sorted(set(reasons.values())):
        theirs = [one for one, why in reasons.items() if why == reason]
        gone: dict[str, Any] = {
            "status": DeliveryStatus.DROPPED.value,
            "next_attempt_at": None,
            "last_error": reason,
            "facts": {},
        }
        dropped = update(Delivery).where(Delivery.id.in_(theirs)).values(gone)
        await session.execute(dropped.execution_options(synchronize_session=False))
    return set(reasons)


def _was_given_and_is_not_theirs() -> ColumnElement[bool]:
    is_elsewhere = Ticket.assignee_id.is_distinct_from(Delivery.agent_id)
    return and_(Delivery.template.in_(FOR_ITS_AGENT), Ticket.seq > 0, is_elsewhere)


async def _without_strange_lines(session: Session, carriers: Sequence[ClaimedMail]) -> list[ClaimedMail]:
    """Takes news of tickets out of sight out of mails that carry others; returns those that tell nothing now."""
    lines: dict[UUID, list[dict[str, Any]]] = {one.id: one.facts[BUNDLED] for one in carriers}
    pairs = {(one.agent_id, UUID(line["ticket_id"])) for one in carriers for line in lines[one.id]}
    if not pairs:
        return []
    query = select(Agent.id, Ticket.id, Ticket.assignee_id).where(
        Agent.id.in_({agent_id for agent_id, _ in pairs}),
        Ticket.id.in_({ticket_id for _, ticket_id in pairs}),
        tuple_(Agent.id, Ticket.id).in_(pairs),
        is_in_sight(),
    )
    seen = {
        (agent_id, str(ticket_id)): assignee_id for agent_id, ticket_id, assignee_id in await session.execute(query)
    }
    for one in carriers:
        kept = [line for line in lines[one.id] if _concerns(one, line, seen)]
        if kept != lines[one.id]:
            one.tell({BUNDLED: kept})
    return [one for one in carriers if not one.facts[BUNDLED]]


def _concerns(mail: ClaimedMail, line: dict[str, Any], seen: dict[tuple[Any, str], UUID | None]) -> bool:
    """Whether a line still concerns the reader; what somebody has to act on always does."""
    template, place = TemplateName(line["template"]), (mail.agent_id, line["ticket_id"])
    if template in FOR_ITS_AGENT and place in seen:
        return seen[place] == mail.agent_id
    return place in seen or template not in (*NEWS, TemplateName.MENTIONED)
