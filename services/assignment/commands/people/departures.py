"""Writes down which teams' tickets an agent may have to give back."""

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from services.assignment.models import Agent, Departure, Team, Ticket, table_of
from services.assignment.queries.indexed_ranges import IS_OPEN
from shared.kit.clock import utc_now
from shared.kit.db import Session


async def note_departures(session: Session, agent_ids: Collection[UUID], left: Collection[UUID] = ()) -> None:
    """Has the open tickets of agents whose roles changed looked at, in teams they left and wherever they have some.

    Whether they still work there is judged when the tickets are: a role elsewhere may reach that far. A ticket's row
    is what events said, so it can name a team that is not there: nothing can be given back to that one.
    """
    having = (
        select(Ticket.assignee_id, Ticket.team_id)
        .where(Ticket.assignee_id.in_(agent_ids), Ticket.team_id.is_not(None), IS_OPEN)
        .distinct()
    )
    pairs = {(row.assignee_id, row.team_id) for row in await session.execute(having)}
    pairs |= {(agent_id, team_id) for agent_id in agent_ids for team_id in left}
    teams = await _existing(session, Team, {team_id for _, team_id in pairs})
    agents = await _existing(session, Agent, {agent_id for agent_id, _ in pairs})
    now = utc_now()
    rows = [
        {"agent_id": agent_id, "team_id": team_id, "left_at": now}
        for agent_id, team_id in sorted(pairs)
        if agent_id in agents and team_id in teams
    ]
    if rows:
        new = insert(table_of(Departure)).values(rows)
        key = ["agent_id", "team_id"]
        await session.execute(new.on_conflict_do_update(index_elements=key, set_={"left_at": new.excluded.left_at}))


async def _existing(session: Session, model: type[Agent | Team], ids: Collection[UUID]) -> set[UUID]:
    """Those that are there, and stay until the transaction ends: the lock is the one that a foreign key takes."""
    found = select(model.id).where(model.id.in_(ids)).order_by(model.id).with_for_update(read=True, key_share=True)
    return set(await session.scalars(found))
