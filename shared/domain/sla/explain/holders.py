"""Who had a ticket when: team and agent, read off the snapshots that its events carry."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from datetime import datetime

from shared.contracts.base import AgentId, TeamId
from shared.contracts.events import LifecycleEvent
from shared.domain.sla.explain.values import Holder, HolderKind


class Holders:
    """The changes of team and agent in the order of their instants.

    A late fact carries the snapshot of its arrival; so only what an event changed counts, not what it carries.
    """

    def __init__(self, events: Iterable[LifecycleEvent]) -> None:
        self._changes = list(_changes(sorted(events, key=lambda event: event.seq)))
        self._instants = [at for at, _ in self._changes]

    def at(self, moment: datetime) -> Holder:
        """Who had it then."""
        nth = bisect_right(self._instants, moment)
        return self._changes[nth - 1][1] if nth else Holder(HolderKind.TRIAGE)

    def within(self, since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime, Holder]]:
        """The parts of [since, until) with one holder each."""
        start = since
        for at in self._instants[bisect_right(self._instants, since) :]:
            if at >= until:
                break
            if at > start:
                yield start, at, self.at(start)
                start = at
        yield start, until, self.at(start)


def _changes(events: Iterable[LifecycleEvent]) -> Iterator[tuple[datetime, Holder]]:
    known: tuple[TeamId | None, AgentId | None] = (None, None)
    steps: list[tuple[datetime, int, TeamId | None, AgentId | None]] = []
    for event in events:
        now = (event.snapshot.team_id, event.snapshot.assignee_id)
        if now != known:
            steps.append((event.at, event.seq, *now))
            known = now
    for at, _, team_id, agent_id in sorted(steps, key=lambda step: step[:2]):
        yield at, _holder(team_id, agent_id)


def _holder(team_id: TeamId | None, agent_id: AgentId | None) -> Holder:
    if agent_id is not None:
        return Holder(HolderKind.AGENT, team_id, agent_id)
    return Holder(HolderKind.TRIAGE) if team_id is None else Holder(HolderKind.TEAM, team_id)
