"""The SQL statement that reads load and last assignment of the agents of locked teams; open tickets only."""

from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    Boolean,
    Integer,
    Select,
    Uuid,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    select,
    true,
    union_all,
)

from services.assignment.models import (
    Agent,
    Calendar,
    Membership,
    Role,
    RoutingDecision,
    RoutingTurn,
    Ticket,
    TicketAssignment,
)
from services.assignment.models.routing import UNDER_WAY
from services.assignment.queries.indexed_ranges import IS_OPEN
from services.assignment.routing.abilities import OWN_CALENDAR, VERSION
from shared.contracts.vocabulary import Priority
from shared.domain.permissions import WORKS_TICKETS

IS_UNDER_WAY: Final = literal_column(f"ticket_assignments.{UNDER_WAY}", Boolean)


def _has_arrived() -> Any:
    """Whether the read model already shows the ticket with the agent, so that it must not be counted twice."""
    return exists(
        select(Ticket.id).where(
            Ticket.id == TicketAssignment.ticket_id, Ticket.assignee_id == TicketAssignment.agent_id, IS_OPEN
        )
    )


def _working() -> Any:
    """An agent's open tickets by priority, counted in a partial index of open tickets by agent."""
    counts = (
        func.count().filter(Ticket.priority_rank == literal_column(str(one.rank))).label(one.value) for one in Priority
    )
    return select(*counts).where(Ticket.assignee_id == Agent.id, IS_OPEN).lateral("working")


def _coming() -> Any:
    """Decisions and offers under way to each agent, by priority; there are few."""
    agent_ids = func.any(bindparam("agent_ids", type_=ARRAY(Uuid())))
    decided = select(RoutingDecision.agent_id, _rank(RoutingDecision.priority), RoutingDecision.decided_at).where(
        RoutingDecision.agent_id == agent_ids, RoutingDecision.state == literal_column("'sent'")
    )
    later = select(TicketAssignment.agent_id, _rank(TicketAssignment.priority), TicketAssignment.decided_at).where(
        TicketAssignment.agent_id == agent_ids, IS_UNDER_WAY, ~_has_arrived()
    )
    found = union_all(decided, later).subquery("on_the_way")
    agent_id, rank, decided_at = found.c
    counts = (func.count().filter(rank == literal_column(str(one.rank))).label(one.value) for one in Priority)
    return (
        select(agent_id.label("agent_id"), *counts, func.max(decided_at).label("decided_at"))
        .group_by(agent_id)
        .subquery("coming")
    )


def _rank(priority: Any) -> Any:
    return case({one.value: literal_column(str(one.rank), Integer) for one in Priority}, value=priority)


def _standings() -> Select[Any]:
    working, coming, turns = _working(), _coming(), RoutingTurn.__table__.alias("own_turn")
    last_ticket = select(func.max(Ticket.assigned_at)).where(Ticket.assignee_id == Agent.id).scalar_subquery()
    last_turn = select(func.max(RoutingTurn.last_at)).where(RoutingTurn.agent_id == Agent.id).scalar_subquery()
    return (
        select(
            Membership.team_id,
            Agent.id.label("agent_id"),
            VERSION.label("version"),
            *((working.c[one.value] + func.coalesce(coming.c[one.value], 0)).label(one.value) for one in Priority),
            func.greatest(last_ticket, last_turn, coming.c.decided_at).label("last_assigned_at"),
            turns.c.turn,
        )
        .select_from(Membership)
        .join(Role, and_(Role.id == Membership.role_id, Role.permissions.op("&&")(sorted(WORKS_TICKETS))))
        .join(Agent, Agent.id == Membership.agent_id)
        .outerjoin(Calendar, OWN_CALENDAR)
        .join(working, true())
        .outerjoin(coming, coming.c.agent_id == Agent.id)
        .outerjoin(turns, and_(turns.c.agent_id == Agent.id, turns.c.team_id == Membership.team_id))
        .where(
            Membership.team_id == func.any(bindparam("team_ids", type_=ARRAY(Uuid()))),
            Agent.id == func.any(bindparam("agent_ids", type_=ARRAY(Uuid()))),
        )
    )


STANDINGS: Final = _standings()
"""Built once, so that SQLAlchemy's compiled-statement cache is hit."""
