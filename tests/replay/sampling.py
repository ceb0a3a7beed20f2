"""Chooses whole incidents for the real workflows: every reopened one, and the rest across priorities and lengths."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from itertools import chain, zip_longest

from tests.replay.incident_log import Incident

BANDS = (3, 6, 10, 20)
"""Lengths in rows up to which an incident counts as equally long."""


def choose(incidents: Sequence[Incident], count: int, seed: str) -> list[Incident]:
    """`count` incidents, or all reopened ones if those are more; the same for the same seed, in the log's order."""
    reopened = [incident for incident in incidents if incident.is_reopened]
    layers: dict[tuple[str, int], list[Incident]] = defaultdict(list)
    for incident in sorted(incidents, key=lambda each: _lot(each, seed)):
        if not incident.is_reopened:
            layers[layer_of(incident)].append(incident)
    in_turn = chain.from_iterable(zip_longest(*(layers[layer] for layer in sorted(layers))))
    others = [incident for incident in in_turn if incident is not None]
    chosen = {incident.number for incident in (*reopened, *others[: max(count - len(reopened), 0)])}
    return [incident for incident in incidents if incident.number in chosen]


def layer_of(incident: Incident) -> tuple[str, int]:
    """Its first priority and how long it is: layers are drawn from in turn, so that rare ones take part."""
    return incident.rows[0].priority, sum(len(incident.rows) > band for band in BANDS)


def _lot(incident: Incident, seed: str) -> bytes:
    return hashlib.sha256(f"{seed}:{incident.number}".encode()).digest()
