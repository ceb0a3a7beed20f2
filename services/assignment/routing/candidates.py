"""Candidates of a decision as its evidence shows them, kept from one decision to the next.

Evidence names every agent of the team, and most of them are as they were at the decision before: making and encoding
hundreds anew each time would take longer than all the rest of a decision.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from shared.contracts.base import AgentId
from shared.contracts.events import Candidate
from shared.contracts.vocabulary import OutReason
from shared.domain.routing import AgentStanding, Demand

MOST: Final = 20_000


@dataclass(frozen=True, slots=True)
class ShownCandidates:
    """The candidates of a decision, and each of them in JSON."""

    candidates: tuple[Candidate, ...]
    encoded: tuple[str, ...]


class KnownCandidates:
    """The newest candidate of each agent in this process; one is made anew when anything it shows has changed."""

    def __init__(self) -> None:
        self._known: dict[AgentId, tuple[tuple[Any, ...], Candidate, str]] = {}

    def of(
        self, standings: Iterable[AgentStanding], demand: Demand, out: Mapping[AgentId, OutReason]
    ) -> ShownCandidates:
        """The candidates for a ticket, in the order of the standings."""
        named = tuple({skill.name: None for skill in (*demand.required, *demand.preferred)})
        candidates, encoded, known = [], [], self._known
        for one in standings:
            agent_id = one.agent_id
            reason = out.get(agent_id)
            seen = (one.load, one.last_assigned_at, reason, one.absent_as, one.capacity, one.weight, one.skills, named)
            kept = known.get(agent_id)
            if kept is None or kept[0] != seen:
                kept = self._make(seen, one, named, reason)
            candidates.append(kept[1])
            encoded.append(kept[2])
        return ShownCandidates(tuple(candidates), tuple(encoded))

    def _make(
        self, seen: tuple[Any, ...], one: AgentStanding, named: tuple[str, ...], out: OutReason | None
    ) -> tuple[tuple[Any, ...], Candidate, str]:
        if len(self._known) >= MOST:
            self._known.clear()
        candidate = _candidate(one, {name: one.skills[name] for name in named if name in one.skills}, out)
        made = self._known[one.agent_id] = (seen, candidate, candidate.model_dump_json())
        return made


def _candidate(one: AgentStanding, levels: dict[str, int], out: OutReason | None) -> Candidate:
    return Candidate(
        agent_id=one.agent_id,
        load=one.load,
        is_available=one.absent_as is None,
        skills=tuple(one.skills),
        last_assigned_at=one.last_assigned_at,
        out=out,
        capacity=one.capacity,
        weight=one.weight,
        levels=levels,
    )
