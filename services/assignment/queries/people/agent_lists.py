"""The administrator's list of agents: a page at a time, searched by name or address."""

from enum import StrEnum
from uuid import UUID

from sqlalchemy import select, tuple_
from sqlalchemy.sql.expression import literal

from services.assignment.models import Agent
from services.assignment.queries.people.people import agent_views
from services.assignment.schemas.people import AgentView
from shared.kit.db import Session
from shared.kit.http.paging import Page, decode_cursor, encode_cursor, unusable_cursor

PER_PAGE = 50


class AgentState(StrEnum):
    """Which agents a list shows."""

    ACTIVE = "active"
    DEACTIVATED = "deactivated"
    ALL = "all"


async def list_agent_page(session: Session, words: str, state: AgentState, cursor: str | None) -> Page[AgentView]:
    """Agents by name whose name or address contains `words`. Raises Problem 422 for a cursor not ours."""
    query = select(Agent).order_by(Agent.name, Agent.id).limit(PER_PAGE + 1)
    if state is not AgentState.ALL:
        query = query.where(Agent.is_active.is_(state is AgentState.ACTIVE))
    if words:
        query = query.where(
            Agent.name.icontains(words, autoescape=True) | Agent.email.icontains(words, autoescape=True)
        )
    if position := decode_cursor(cursor, str, str):
        query = query.where(tuple_(Agent.name, Agent.id) > tuple_(literal(position[0]), literal(_id(str(position[1])))))
    agents = (await session.scalars(query)).all()
    following = (
        encode_cursor(agents[PER_PAGE - 1].name, str(agents[PER_PAGE - 1].id)) if len(agents) > PER_PAGE else None
    )
    return Page(items=await agent_views(session, agents[:PER_PAGE]), next_cursor=following)


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise unusable_cursor() from None
