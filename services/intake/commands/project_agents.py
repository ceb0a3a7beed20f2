"""Who is an agent, as assignment says."""

from collections.abc import Iterable

from sqlalchemy.dialects.postgresql import insert

from services.intake.models import Agent
from shared.contracts.base import AgentId
from shared.contracts.events import AgentChanged
from shared.kit.addresses import address_key
from shared.kit.db import Session


async def project_agents(session: Session, changes: Iterable[AgentChanged]) -> None:
    """Keeps agents as they now are, in one statement; an older version changes nothing."""
    newest: dict[AgentId, AgentChanged] = {}
    for change in changes:
        known = newest.get(change.agent_id)
        if known is None or known.version < change.version:
            newest[change.agent_id] = change
    rows = [
        {
            "id": change.agent_id,
            "email": address_key(change.email),
            "name": change.name,
            "is_active": change.is_active,
            "version": change.version,
        }
        for change in sorted(newest.values(), key=lambda change: change.agent_id)
    ]
    if not rows:
        return
    new = insert(Agent).values(rows)
    told = {name: new.excluded[name] for name in ("email", "name", "is_active", "version")}
    await session.execute(
        new.on_conflict_do_update(index_elements=[Agent.id], set_=told, where=Agent.version < new.excluded.version)
    )
