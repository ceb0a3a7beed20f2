"""Whose inbox and preferences a request is about: the agent of the desk's pass, or the one that an operator names."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query

from services.notification.deps import By
from shared.kit.http.problems import Problem, invalid


async def get_agent_id(
    by: By, agent_id: Annotated[UUID | None, Query(description="Which agent; needed with the operator's token")] = None
) -> UUID:
    """Raises Problem 422 where no agent is named, and 403 where the desk asks for somebody else."""
    try:
        own = UUID(by.id)
    except ValueError:
        if agent_id is None:
            raise invalid("/agent_id", "say whose") from None
        return agent_id
    if agent_id not in (None, own):
        raise Problem(403, "not_yours", "agents read and change what is their own")
    return own


TheAgent = Annotated[UUID, Depends(get_agent_id)]
