"""What goes wrong when, from a seed: each kind once before any comes again, and all their victims in turn."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import cycle

ENGINES = ("postgres", "nats", "temporal")
OURS = ("worker", "intake", "assignment", "notification", "mail_in")
PROCESSES = (*ENGINES, "mail", *OURS)
SERVICES = ("intake", "assignment", "notification")
WAYS = (
    *((process, "postgres") for process in (*SERVICES, "mail_in")),
    *((process, "nats") for process in OURS),
    *((process, "temporal") for process in ("worker", "assignment", "intake")),
    ("notification", "mail"),
)
CONSUMERS = ("worker", "intake", "assignment", "notification")


class FaultKind(StrEnum):
    """What can go wrong."""

    KILL = "kill -9"
    PAUSE = "pause"
    CUT = "network cut"
    DELAY = "network delay"
    SLOW_DATABASE = "slow database"
    FULL_DISK = "full disk"
    CLOCK_STEP = "clock step"
    LOST_ACKS = "lost acknowledgements"
    LOST_PUBLISH_ACKS = "lost answers to publishing"
    POWER_LOSS = "power loss"
    KILL_AT_INTENT = "kill between intent and answer"
    KILL_AT_ACCEPTANCE = "kill between SMTP acceptance and record"


VICTIMS: dict[FaultKind, Sequence[str]] = {
    FaultKind.KILL: PROCESSES,
    FaultKind.PAUSE: PROCESSES,
    FaultKind.CUT: [f"{process} to {engine}" for process, engine in WAYS],
    FaultKind.DELAY: [f"{process} to {engine}" for process, engine in WAYS],
    FaultKind.SLOW_DATABASE: SERVICES,
    FaultKind.FULL_DISK: ENGINES,
    FaultKind.CLOCK_STEP: OURS,
    FaultKind.LOST_ACKS: CONSUMERS,
    FaultKind.LOST_PUBLISH_ACKS: OURS,
    FaultKind.POWER_LOSS: ENGINES,
    FaultKind.KILL_AT_INTENT: ("assignment",),
    FaultKind.KILL_AT_ACCEPTANCE: ("notification",),
}
SHORTEST, LONGEST = 2.0, 8.0
STEPS = (-90, -20, 20, 90)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong, for how long, and by how much."""

    kind: FaultKind
    victim: str
    seconds: float
    calm: float
    """Seconds of peace after all is well again."""
    amount: float = 0.0
    """Of a delay its seconds, of a clock its step."""


def faults(seed: int, kinds: Sequence[FaultKind] = tuple(FaultKind)) -> Iterator[Fault]:
    """Without end, and the same for the same seed."""
    dice = random.Random(seed)
    victims = {kind: cycle(dice.sample(VICTIMS[kind], len(VICTIMS[kind]))) for kind in FaultKind}
    while True:
        for kind in dice.sample(list(FaultKind), len(FaultKind)):
            fault = Fault(
                kind,
                next(victims[kind]),
                seconds=round(dice.uniform(SHORTEST, LONGEST), 1),
                calm=round(dice.uniform(1.0, 4.0), 1),
                amount=dice.choice(STEPS) if kind is FaultKind.CLOCK_STEP else round(dice.uniform(0.05, 0.4), 2),
            )
            if kind in kinds:
                yield fault
