"""What becomes of a mail: facts in, one decision out; no look-ups, no clock."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from services.intake.mail.guards import Nature


class Standing(StrEnum):
    """What a sender is to a ticket."""

    REQUESTER = "requester"
    PARTICIPANT = "participant"
    """Asked, and taking part."""
    STRANGER = "stranger"
    """Nobody, or somebody who was asked and has not said yes."""


@dataclass(frozen=True, slots=True)
class Named:
    """A ticket the mail names, and what its sender is to it."""

    ticket_id: UUID
    standing: Standing

    @property
    def is_member(self) -> bool:
        """Whether the sender belongs to the conversation."""
        return self.standing is not Standing.STRANGER


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All a decision rests on."""

    nature: Nature = Nature.PERSON
    is_own: bool = False
    """Its own Message-ID is one of ours, or it says to come from an address of ours."""
    is_banned: bool = False
    signed: Named | None = None
    """By a Message-ID that only we can have made."""
    known: Named | None = None
    """By the Message-ID of a mail that came in before."""
    numbered: Named | None = None
    """By `[#number]` in the subject."""
    do_auto_replies_open: bool = True


@dataclass(frozen=True, slots=True)
class Ignore:
    """Kept as it came, without effect."""

    reason: str


@dataclass(frozen=True, slots=True)
class Append:
    """A message on a ticket."""

    ticket_id: UUID
    is_automatic: bool = False
    is_from_stranger: bool = False
    """Marked as such; it gives its sender access to nothing."""


@dataclass(frozen=True, slots=True)
class Open:
    """A new ticket."""

    is_automatic: bool = False
    acknowledge: bool = True


Decision = Ignore | Append | Open
MACHINES = frozenset({Nature.BOUNCE, Nature.AUTO_REPLY})


def decide(facts: Facts) -> Decision:
    """The first rule that fits. Anybody can write a number or a foreign Message-ID, so those count for members only."""
    if facts.nature is Nature.LOOP or facts.is_own:
        return Ignore("a loop: our own mail came back")
    if facts.is_banned:
        return Ignore("the sender is banned")
    if (ticket := _ticket_of(facts)) is not None:
        is_stranger = not ticket.is_member
        is_automatic = facts.nature in MACHINES or (facts.nature is Nature.LIST and is_stranger)
        return Append(ticket.ticket_id, is_automatic, is_stranger and facts.nature is not Nature.BOUNCE)
    if facts.nature is Nature.BOUNCE:
        return Ignore("a bounce of a mail we do not know")
    if facts.nature is Nature.AUTO_REPLY and not facts.do_auto_replies_open:
        return Ignore("an automatic answer to nothing we know")
    is_person = facts.nature is Nature.PERSON
    return Open(is_automatic=not is_person, acknowledge=is_person)


def _ticket_of(facts: Facts) -> Named | None:
    if facts.signed is not None:
        return facts.signed
    return next((named for named in (facts.known, facts.numbered) if named is not None and named.is_member), None)
