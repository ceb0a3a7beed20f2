"""Fair shares of a backlog: limits what one agent gets while other expected agents are not online yet."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import ceil

from shared.contracts.base import AgentId

SHARE_PERIOD = timedelta(minutes=2)
"""Length of a share period; an agent who has used their share gets the next one after it."""


def share_of(waiting: int, expected: int) -> int:
    """The most tickets of a backlog that one agent gets per period: an equal part, at least one.

    `expected` counts the agents of the team who may work today, whether online or not.
    """
    return max(1, ceil(waiting / max(1, expected)))


class Shares:
    """The remaining fair share of each agent."""

    def __init__(self, waiting: int, expected: int, had: Mapping[AgentId, int]) -> None:
        taken = sum(had.values())
        self._each = share_of(waiting + taken, expected)
        self._left = {agent_id: self._each - count for agent_id, count in had.items()}

    def has_left(self, agent_id: AgentId) -> bool:
        """Whether the agent's share is not used up."""
        return self._left.get(agent_id, self._each) > 0

    def take(self, agent_id: AgentId) -> None:
        """Uses one ticket of the agent's share."""
        self._left[agent_id] = self._left.get(agent_id, self._each) - 1


def period_start(now: datetime) -> datetime:
    """Start of the current period: tickets assigned since then count against a share."""
    return now - SHARE_PERIOD
