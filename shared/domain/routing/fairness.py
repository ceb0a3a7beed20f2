"""How much of what has been waiting one agent may get at once: everybody who may still come leaves room for them."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import ceil

from shared.contracts.base import AgentId

SHARE_PERIOD = timedelta(minutes=2)
"""After this an agent who had their share may get the next one: the others had time to come."""


def share_of(waiting: int, expected: int) -> int:
    """The most tickets of a backlog that one agent gets in a period: an equal part, at least one.

    `expected` counts the agents of the team who may come today, whether they are there yet or not.
    """
    return max(1, ceil(waiting / max(1, expected)))


class Shares:
    """What each agent still may get of a backlog now."""

    def __init__(self, waiting: int, expected: int, had: Mapping[AgentId, int]) -> None:
        taken = sum(had.values())
        self._each = share_of(waiting + taken, expected)
        self._left = {agent_id: self._each - count for agent_id, count in had.items()}

    def has_left(self, agent_id: AgentId) -> bool:
        """Whether the agent may get one more."""
        return self._left.get(agent_id, self._each) > 0

    def take(self, agent_id: AgentId) -> None:
        """Counts one more."""
        self._left[agent_id] = self._left.get(agent_id, self._each) - 1


def period_start(now: datetime) -> datetime:
    """Tickets given since then count against a share."""
    return now - SHARE_PERIOD
