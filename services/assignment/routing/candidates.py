"""Candidates of a decision as its evidence shows them, kept from one decision to the next.

Evidence names every agent of the team, and most of them are as they were at the decision before: making and encoding
hundreds anew each time would take longer than all the rest of a decision.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from shared.contracts.base import AgentId
from shared.contracts.events import Candidate
from shared.contracts.vocabulary import OutReason
from shared.domain.routing import AgentStanding, Demand

MOST: Final = 20_000
MOST_BYTES: Final = 384 * 1024
"""Of the candidates of one decision in JSON, some 1,800 without skills: an event may have 960 KiB, and more follows."""


@dataclass(frozen=True, slots=True)
class ShownCandidates:
    """The candidates of a decision, and each of them in JSON."""

    candidates: tuple[Candidate, ...]
    encoded: tuple[str, ...]
    more_available: int = 0
    more_out: int = 0
    """Those whom there was no room for."""


_Known = tuple[tuple[Any, ...], Candidate, str, int]
"""What was seen, how it is shown, the same in JSON, and how many bytes that is."""


class KnownCandidates:
    """The newest candidate of each agent in this process; one is made anew when anything it shows has changed."""

    def __init__(self) -> None:
        self._known: dict[AgentId, _Known] = {}

    def of(
        self,
        standings: Iterable[AgentStanding],
        demand: Demand,
        out: Mapping[AgentId, OutReason],
        chosen: AgentId | None = None,
    ) -> ShownCandidates:
        """The candidates for a ticket, in the order of the standings; of too many those who matter most."""
        named = tuple({skill.name: None for skill in (*demand.required, *demand.preferred)})
        shown, known, size = list[_Known](), self._known, 0
        for one in standings:
            agent_id = one.agent_id
            reason = out.get(agent_id)
            seen = (one.load, one.last_assigned_at, reason, one.absent_as, one.capacity, one.weight, one.skills, named)
            kept = known.get(agent_id)
            if kept is None or kept[0] != seen:
                kept = self._make(seen, one, named, reason)
            shown.append(kept)
            size += kept[3]
        if size > MOST_BYTES:
            return _most_important(shown, chosen)
        return ShownCandidates(tuple(kept[1] for kept in shown), tuple(kept[2] for kept in shown))

    def _make(self, seen: tuple[Any, ...], one: AgentStanding, named: tuple[str, ...], out: OutReason | None) -> _Known:
        if len(self._known) >= MOST:
            self._known.clear()
        candidate = _candidate(one, {name: one.skills[name] for name in named if name in one.skills}, out)
        encoded = candidate.model_dump_json()
        made = self._known[one.agent_id] = (seen, candidate, encoded, len(encoded.encode()) + 1)
        return made


def _most_important(shown: Sequence[_Known], chosen: AgentId | None) -> ShownCandidates:
    """As many as there is room for: who was chosen, who could have been, the least busy first, then the others."""

    def rank(place: int) -> tuple[bool, bool, int]:
        candidate = shown[place][1]
        return candidate.agent_id != chosen, candidate.out is not None, candidate.load

    fitting, room = list[int](), MOST_BYTES
    for place in sorted(range(len(shown)), key=rank):
        room -= shown[place][3]
        if room < 0:
            break
        fitting.append(place)
    named = [shown[place] for place in sorted(fitting)]
    out = sum(known[1].out is not None for known in shown) - sum(known[1].out is not None for known in named)
    return ShownCandidates(
        candidates=tuple(known[1] for known in named),
        encoded=tuple(known[2] for known in named),
        more_available=len(shown) - len(named) - out,
        more_out=out,
    )


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
