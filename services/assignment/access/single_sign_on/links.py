"""Links between agents and the provider's subjects: listing and removing them."""

from uuid import UUID

from sqlalchemy import select

from services.assignment.access.sessions import end_sessions
from services.assignment.app_state import AppState
from services.assignment.commands.configuration.administration import changing
from services.assignment.commands.configuration.audit import record_change
from services.assignment.commands.people.granting import check_may_act_for, lock_rights
from services.assignment.models import Agent, ProviderIdentity
from services.assignment.queries.access.callers import Caller
from services.assignment.schemas.single_sign_on import ProviderLinkView
from shared.kit.db import Session
from shared.kit.http.problems import not_found


async def list_links(session: Session, agent_id: UUID | None = None) -> list[ProviderLinkView]:
    """All links, or those of one agent, ordered by the agents' names."""
    query = select(ProviderIdentity, Agent.name).join(Agent, Agent.id == ProviderIdentity.agent_id)
    if agent_id is not None:
        query = query.where(Agent.id == agent_id)
    rows = (await session.execute(query.order_by(Agent.name, ProviderIdentity.subject))).tuples()
    return [_view(identity, name) for identity, name in rows]


async def remove_links(context: AppState, by: Caller, agent_id: UUID) -> None:
    """Unlinks an agent and ends their sessions; the next sign-in with their verified address links them again.

    Raises Problem 404, and 403 for an agent with more rights than `by`.
    """
    async with changing(context, by) as session:
        await lock_rights(session)
        agent = await session.get(Agent, agent_id)
        if agent is None:
            raise not_found("agent")
        await check_may_act_for(session, by, agent_id)
        links = (await session.scalars(select(ProviderIdentity).where(ProviderIdentity.agent_id == agent_id))).all()
        for link in links:
            await record_change(session, _view(link, agent.name), None)
            await session.delete(link)
        if links:
            await end_sessions(session, agent_id)


def _view(identity: ProviderIdentity, name: str) -> ProviderLinkView:
    return ProviderLinkView(
        id=identity.agent_id,
        name=name,
        issuer=identity.issuer,
        subject=identity.subject,
        linked_at=identity.linked_at,
        last_used_at=identity.last_used_at,
    )
