"""One statement that tells whether a pass over the backlog would find anything to do."""

from datetime import datetime
from functools import cache

from sqlalchemy import Select, bindparam, exists, literal_column, or_, select

from services.assignment.backlog import decision_dispatch
from services.assignment.backlog.handover import IS_REOPENED, is_judged
from services.assignment.backlog.offers import IS_OFFERED
from services.assignment.backlog.waiting_tickets import select_waiting_teams
from services.assignment.models import Agent, Ticket, TicketAssignment
from shared.kit.db import Session


async def has_work(session: Session, now: datetime) -> bool:
    """Whether there is an offer, an unsent decision, a reopened ticket to judge, an absent agent or a waiting ticket.

    Each part is wider than what the pass itself selects, so that nothing is missed: an absence counts also on days it
    does not cover.
    """
    return bool(await session.scalar(_has_work(), {"left_before": now - decision_dispatch.LEASE}))


@cache
def _has_work() -> Select[bool]:
    unsent = select(TicketAssignment.id).where(
        TicketAssignment.state == "sent", TicketAssignment.next_attempt_at <= bindparam("left_before")
    )
    return select(
        or_(
            exists(select(TicketAssignment.id).where(IS_OFFERED)),
            unsent.exists(),
            select_waiting_teams().exists(),
            exists(select(Ticket.id).where(IS_REOPENED, ~is_judged())),
            exists(select(Agent.id).where(Agent.is_active, Agent.out_of_office != literal_column("'[]'::jsonb"))),
        )
    )
