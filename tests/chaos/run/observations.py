"""What a run saw, as plain values: what was acknowledged at the doors, and what the system holds afterwards."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class AttemptKind(StrEnum):
    """What somebody handed in."""

    TICKET = "ticket"
    MESSAGE = "message"
    """Of a requester."""
    REPLY = "reply"
    NOTE = "note"
    FILE = "file"
    COMMAND = "command"
    """A change of a ticket; its comment carries the marker."""


class StoredPlace(StrEnum):
    """Where markers are looked for."""

    INTAKE_TICKETS = "tickets of intake"
    DESK_TICKETS = "tickets of the desk"
    INTAKE_MESSAGES = "messages of intake"
    DESK_MESSAGES = "messages of the desk"
    DESK_NOTES = "notes of the desk"
    FILES = "files"


BELONGS: Mapping[AttemptKind, tuple[StoredPlace, ...]] = {
    AttemptKind.TICKET: (StoredPlace.INTAKE_TICKETS, StoredPlace.DESK_TICKETS),
    AttemptKind.MESSAGE: (StoredPlace.INTAKE_MESSAGES, StoredPlace.DESK_MESSAGES),
    AttemptKind.REPLY: (StoredPlace.INTAKE_MESSAGES, StoredPlace.DESK_MESSAGES),
    AttemptKind.NOTE: (StoredPlace.DESK_NOTES,),
    AttemptKind.FILE: (StoredPlace.FILES,),
    AttemptKind.COMMAND: (StoredPlace.DESK_NOTES,),
}
"""Where a thing of each kind must be, once in each."""
PRIVATE = frozenset({AttemptKind.NOTE, AttemptKind.COMMAND})
"""Kinds whose words are for agents alone."""


@dataclass(slots=True)
class Attempt:
    """One thing handed in at a door, under a marker that nothing else carries."""

    marker: str
    kind: AttemptKind
    door: str
    ticket_id: str = ""
    email: str = ""
    """Of the requester, where there is one."""
    action: str = ""
    """Of a command: the type of the event it makes."""
    is_acknowledged: bool = False


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """A decision to tell somebody, as notification wrote it down."""

    cause: str
    recipient: str
    template: str
    channel: str
    status: str
    message_id: str
    ticket_id: str


@dataclass(frozen=True, slots=True)
class SentMail:
    """A mail that has left the house."""

    message_id: str
    to: str
    markers: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class DoorCheck:
    """What somebody got who asked for what is not theirs."""

    who: str
    asked_for: str
    status: int
    expected: int


@dataclass(frozen=True, slots=True)
class Observations:
    """Everything that the invariants are judged on."""

    attempts: Sequence[Attempt]
    found: Mapping[StoredPlace, Counter[str]]
    """How often each marker is in each place."""
    commands: Counter[tuple[str, str]]
    """Events in the log, by ticket and type."""
    ledger: Sequence[LedgerRow]
    mails: Sequence[SentMail]
    staff: frozenset[str]
    """Addresses whose mails may hold private words."""
    outside: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Markers that requesters can read, by where."""
    door_checks: Sequence[DoorCheck] = ()
    projection_differences: Sequence[str] = ()
    verdict_differences: Sequence[str] = ()
    dead_letters: Sequence[str] = ()
    mail_windows: int = 0
    """Faults that may have fallen between a mail's acceptance and its record."""
