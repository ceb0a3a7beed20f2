"""Notifies agents by mail when their password or second factors were changed."""

from services.assignment.models import Agent
from shared.contracts.base import AgentId
from shared.contracts.events import AccountChange, AccountChanged
from shared.kit import outbox
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Session


async def tell_of_change(session: Session, agent: Agent, change: AccountChange) -> None:
    """Announces the change, so that the agent is told; nobody is where they are not active."""
    if agent.is_active:
        now = utc_now()
        event = AccountChanged(agent_id=AgentId(agent.id), change=change, changed_at=now)
        await outbox.add(session, event, f"account-changed:{new_id()}", now)
