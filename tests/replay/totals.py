"""Adds up what the processes tell while the log is played."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.replay.compare import Compared
from tests.replay.live import ReplayProgress
from tests.replay.pure import PlayedIncident


@dataclass
class Tally:
    """What one run has come to."""

    of: int
    """Incidents to be played."""
    deeds_planned: int = 0
    """Known in advance for real workflows only."""
    incidents: int = 0
    events: int = 0
    deeds: int = 0
    equal: int = 0
    verdicts: int = 0
    """Verdicts that were compared, of incidents with no difference."""
    faults: dict[str, str] = field(default_factory=dict)
    why: Counter[str] = field(default_factory=Counter)
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    instant: datetime | None = None
    """How far the slowest server is."""
    drift: timedelta = timedelta()
    on_the_edge: dict[str, list[str]] = field(default_factory=dict)
    seconds: float = 0.0
    _servers: dict[int, datetime] = field(default_factory=dict)

    @property
    def seconds_left(self) -> float | None:
        """An estimate from the deeds done, or from the incidents where those alone are known; None at first."""
        done, of = (self.deeds, self.deeds_planned) if self.deeds_planned else (self.incidents, self.of)
        return max(of - done, 0) * self.seconds / done if done else None

    @property
    def per_second(self) -> float:
        """Incidents per second so far."""
        return self.incidents / self.seconds if self.seconds else 0.0

    def add_lives(self, lives: Iterable[PlayedIncident]) -> None:
        """Some of run (a)."""
        for life in lives:
            self.events += life.events
            self.deeds += len(life.deeds)
            self.why += life.why
            self.outcomes.update((each.metric.value, each.outcome.value) for each in life.verdicts.values())
            self._judge(life.incident.number, len(life.verdicts), life.fault)

    def add_progress(self, server: int, progress: ReplayProgress) -> None:
        """Some of the real workflows."""
        self._servers[server] = progress.instant
        self.instant = min(self._servers.values())
        self.deeds += progress.deeds
        for compared in progress.compared:
            self._add_compared(compared)

    def _add_compared(self, compared: Compared) -> None:
        self.events += compared.events
        self.drift = max(self.drift, compared.drift)
        self.outcomes.update(compared.outcomes)
        if compared.on_the_edge:
            self.on_the_edge[compared.number] = compared.on_the_edge
        self._judge(compared.number, compared.verdicts, "; ".join(compared.faults) or None)

    def _judge(self, number: str, verdicts: int, fault: str | None) -> None:
        self.incidents += 1
        if fault is None:
            self.equal += 1
            self.verdicts += verdicts
        else:
            self.faults[number] = fault
