"""Chooses a ticket's agent by the team's strategy: a pure function of roster and demand."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, Literal

from shared.contracts.base import AgentId
from shared.contracts.vocabulary import DecidedBy, OutReason, Priority, Strategy
from shared.domain.routing.agents import AgentStanding
from shared.domain.routing.demand import Demand

TieBreak = Literal["none", "longest_idle", "lowest_id"]
_NEVER = datetime.min.replace(tzinfo=UTC)
Barred = Mapping[AgentId, OutReason]
NOBODY_BARRED: Barred = {}


@dataclass(frozen=True, slots=True)
class Choice:
    """The chosen agent, if any, and the reason."""

    agent_id: AgentId | None
    decided_by: DecidedBy
    tie_break: TieBreak = "none"
    out: Mapping[AgentId, OutReason] | None = None
    """Why each of the others could not be given it."""


class AgentRoster:
    """The agents of one team during a batch of assignments; each choice takes the previous ones into account."""

    def __init__(self, strategy: Strategy, standings: Iterable[AgentStanding]) -> None:
        self.strategy = strategy
        self.standings = {one.agent_id: one for one in sorted(standings, key=attrgetter("agent_id.int"))}
        latest = max(
            (one for one in self.standings.values() if one.turn is not None),
            key=lambda one: one.last_assigned_at or _NEVER,
            default=None,
        )
        self.given: set[AgentId] = set()
        """Who got a ticket since this was made."""
        self._team_turn = latest.turn if latest is not None and latest.turn is not None else 0.0

    def choose(
        self,
        demand: Demand,
        barred: Barred = NOBODY_BARRED,
        first: AgentId | None = None,
        first_as: DecidedBy = DecidedBy.LAST_AGENT,
    ) -> Choice:
        """Chooses an agent. `first` is preferred, with the reason `first_as`, if that agent is eligible."""
        out = self._out_for(demand, barred)
        for named, why in ((first, first_as), (demand.assignee_id, DecidedBy.RULE)):
            if named in self.standings and named not in out:
                return Choice(named, why, out=out)
        if self.strategy is Strategy.MANUAL:
            return Choice(None, DecidedBy.MANUAL, out=out)
        fit = [one for one in self.standings.values() if one.agent_id not in out]
        if not fit:
            return Choice(None, DecidedBy.NOBODY_FITS, out=out)
        if len(fit) == 1:
            return Choice(fit[0].agent_id, DecidedBy.ONLY_CANDIDATE, out=out)
        best = _best(fit, lambda one: tuple(-part for part in one.preference_for(demand))) if demand.preferred else fit
        if len(best) == 1:
            return Choice(best[0].agent_id, DecidedBy.PREFERRED_SKILL, out=out)
        key, decided_by = self._key()
        first_ones = _best(best, key)
        chosen, tie_break = _settle(first_ones, self.strategy)
        return Choice(chosen, decided_by, tie_break, out)

    def give(self, agent_id: AgentId, priority: Priority, at: datetime) -> None:
        """Adds a ticket to an agent's load. `at` must increase with every call, because turns are ordered by it."""
        one = self.standings[agent_id]
        one.turn = self._team_turn = self._turn_of(one)
        one.load += one.cost_of(priority)
        one.last_assigned_at = at
        self.given.add(agent_id)

    def put_down(self, agent_id: AgentId, priority: Priority) -> None:
        """Removes a ticket from its agent's load before it is decided again."""
        if agent_id in self.standings:
            one = self.standings[agent_id]
            one.load -= one.cost_of(priority)

    def has_room(self) -> bool:
        """Whether at least one agent is available and has capacity left."""
        return any(
            one.absent_as is None and any(one.has_room(priority) for priority in Priority)
            for one in self.standings.values()
        )

    def _out_for(self, demand: Demand, barred: Barred) -> dict[AgentId, OutReason]:
        out: dict[AgentId, OutReason] = {}
        is_demanding = bool(demand.required)
        for agent_id, one in self.standings.items():
            reason = one.absent_as
            if reason is None and (is_demanding or one.capacity is not None):
                reason = one.out_for(demand)
            reason = reason or barred.get(agent_id)
            if reason is not None:
                out[agent_id] = reason
        return out

    def _key(self) -> tuple[Callable[[AgentStanding], Any], DecidedBy]:
        match self.strategy:
            case Strategy.ROUND_ROBIN:
                return _idle_since, DecidedBy.LONGEST_IDLE
            case Strategy.WEIGHTED:
                return self._turn_of, DecidedBy.WEIGHT
            case _:
                return _load, DecidedBy.FEWEST_OPEN

    def _turn_of(self, one: AgentStanding) -> float:
        """The agent's next turn under `weighted`; an absent agent does not accumulate turns."""
        if one.turn is None:
            return self._team_turn
        return max(one.turn + 1 / one.weight, self._team_turn)


def _settle(first_ones: list[AgentStanding], strategy: Strategy) -> tuple[AgentId, TieBreak]:
    if len(first_ones) == 1:
        return first_ones[0].agent_id, "none"
    idlest = first_ones if strategy is Strategy.ROUND_ROBIN else _best(first_ones, _idle_since)
    if len(idlest) == 1:
        return idlest[0].agent_id, "longest_idle"
    return min(one.agent_id for one in idlest), "lowest_id"


def _best(standings: list[AgentStanding], key: Callable[[AgentStanding], Any]) -> list[AgentStanding]:
    keys = [key(one) for one in standings]
    least = min(keys)
    return [one for one, its in zip(standings, keys, strict=True) if its == least]


def _idle_since(one: AgentStanding) -> datetime:
    return one.last_assigned_at or _NEVER


_load = attrgetter("load")
