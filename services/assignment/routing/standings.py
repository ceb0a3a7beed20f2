"""The SQL statements that read load and last assignment of the agents of locked teams, as they are kept counted."""

from functools import reduce
from operator import add
from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    CTE,
    Boolean,
    Integer,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    case,
    cast,
    exists,
    func,
    join,
    literal_column,
    select,
    union_all,
)

from services.assignment.models import (
    Agent,
    AgentLoad,
    AgentLoadChange,
    Calendar,
    Membership,
    Role,
    RoutingDecision,
    RoutingTurn,
    Ticket,
    TicketAssignment,
    table_of,
)
from services.assignment.models.routing import UNDER_WAY
from services.assignment.queries.indexed_ranges import IS_OPEN
from services.assignment.routing.abilities import OWN_CALENDAR, VERSION
from shared.contracts.vocabulary import Priority
from shared.domain.permissions import WORKS_TICKETS

NONE: Final = literal_column("0", Integer)
IS_UNDER_WAY: Final = literal_column(f"ticket_assignments.{UNDER_WAY}", Boolean)


def _once(rows: CTE) -> CTE:
    """Read once, even where the planner thinks that there are so few agents that it may read them anew for each."""
    return rows.prefix_with("materialized")


LOCKED: Final = _once(
    select(func.unnest(cast(bindparam("agent_ids", type_=Text()), ARRAY(Uuid()))).label("agent_id")).cte("locked")
)
"""The agents, whose ids come as PostgreSQL writes an array."""
_AGENT_IDS: Final = func.any(cast(select(func.array_agg(LOCKED.c.agent_id)).scalar_subquery(), ARRAY(Uuid())))


def _has_arrived() -> Any:
    """Whether the read model already shows the ticket with the agent, so that it must not be counted twice."""
    return exists(
        select(Ticket.id).where(
            Ticket.id == TicketAssignment.ticket_id, Ticket.assignee_id == TicketAssignment.agent_id, IS_OPEN
        )
    )


def _changes() -> Any:
    """What came to agents, or left them, since loads were last added up; there are few."""
    change = AgentLoadChange
    counts = (
        func.sum(change.tickets).filter(change.priority_rank == literal_column(str(one.rank))).label(one.value)
        for one in Priority
    )
    found = select(change.agent_id, *counts, func.max(change.assigned_at).label("assigned_at"))
    return found.group_by(change.agent_id).subquery("changes")


def _turns() -> CTE:
    """The agents' turns in all teams."""
    turn = RoutingTurn
    found = select(turn.agent_id, turn.team_id, turn.turn, turn.last_at)
    return _once(found.join(LOCKED, LOCKED.c.agent_id == turn.agent_id).cte("turns"))


def _coming() -> Any:
    """Decisions and offers under way to each agent, by priority; there are few."""
    decided = select(RoutingDecision.agent_id, _rank(RoutingDecision.priority), RoutingDecision.decided_at).where(
        RoutingDecision.agent_id == _AGENT_IDS, RoutingDecision.state == literal_column("'sent'")
    )
    later = select(TicketAssignment.agent_id, _rank(TicketAssignment.priority), TicketAssignment.decided_at).where(
        TicketAssignment.agent_id == _AGENT_IDS, IS_UNDER_WAY, ~_has_arrived()
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


def _standings(team_id: Any, agents: Any) -> Select[Any]:
    """What the agents of `agents` have, each beside the team in which they are looked at."""
    changes, coming, turns = _changes(), _coming(), _turns()
    last_at = func.max(turns.c.last_at).label("last_at")
    last_turn = select(turns.c.agent_id, last_at).group_by(turns.c.agent_id).subquery("last_turn")
    parts = (table_of(AgentLoad), changes, coming)
    counts = (
        cast(reduce(add, (func.coalesce(part.c[one.value], NONE) for part in parts)), Integer).label(one.value)
        for one in Priority
    )
    last_assigned_at = func.greatest(
        AgentLoad.assigned_at, changes.c.assigned_at, last_turn.c.last_at, coming.c.decided_at
    )
    whose = (team_id.label("team_id"), Agent.id.label("agent_id"), *VERSION)
    return (
        select(*whose, *counts, last_assigned_at.label("last_assigned_at"), turns.c.turn)
        .select_from(agents)
        .outerjoin(Calendar, OWN_CALENDAR)
        .outerjoin(AgentLoad, AgentLoad.agent_id == Agent.id)
        .outerjoin(changes, changes.c.agent_id == Agent.id)
        .outerjoin(last_turn, last_turn.c.agent_id == Agent.id)
        .outerjoin(coming, coming.c.agent_id == Agent.id)
        .outerjoin(turns, and_(turns.c.agent_id == Agent.id, turns.c.team_id == team_id))
    )


def _of_teams() -> Select[Any]:
    """In several teams: an agent may work in more than one of them."""
    works = and_(Role.id == Membership.role_id, Role.permissions.op("&&")(sorted(WORKS_TICKETS)))
    members = join(Membership, LOCKED, LOCKED.c.agent_id == Membership.agent_id).join(Role, works)
    agents = members.join(Agent, Agent.id == Membership.agent_id)
    in_teams = Membership.team_id == func.any(bindparam("team_ids", type_=ARRAY(Uuid())))
    return _standings(Membership.team_id, agents).where(in_teams)


def _of_one_team() -> Select[Any]:
    """In one team, as for almost every decision: whoever is locked works in it."""
    return _standings(
        cast(bindparam("team_id", type_=Uuid()), Uuid()), join(Agent, LOCKED, LOCKED.c.agent_id == Agent.id)
    )


STANDINGS: Final = _of_teams()
STANDINGS_IN_ONE: Final = _of_one_team()
"""Built once, so that SQLAlchemy's compiled-statement cache is hit."""
