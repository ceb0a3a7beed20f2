"""What becomes of a mail: facts in, one decision out; no look-ups, no clock."""

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from services.intake.mail.parsing.auto_reply_detection import Authorship


class SenderStanding(StrEnum):
    """What a sender is to a ticket."""

    REQUESTER = "requester"
    PARTICIPANT = "participant"
    """Asked, and taking part."""
    STRANGER = "stranger"
    """Nobody, or somebody who was asked and has not said yes."""


@dataclass(frozen=True, slots=True)
class NamedTicket:
    """A ticket the mail names, and what its sender is to it."""

    ticket_id: UUID
    standing: SenderStanding
    is_on_behalf: bool = False
    """The sender is the one whom a robot's `Reply-To` names."""
    is_proved: bool = False
    """Whether it is named by the Message-ID of a mail that we sent to this very sender."""

    @property
    def is_member(self) -> bool:
        """Whether the sender belongs to the conversation."""
        return self.standing is not SenderStanding.STRANGER


@dataclass(frozen=True, slots=True)
class Staff:
    """The agent whose mail it is, and how sure that is."""

    agent_id: UUID | None
    """Whose address it is from; of a stranger's answer, the agent to whom the mail went that it answers, if known."""
    ticket_id: UUID | None = None
    """The ticket it is about, if it names one by more than a number anybody can write."""
    is_verified: bool = False
    """The mail server says that it is from the agent's address."""
    is_automatic: bool = False
    """An absence note, a bounce, or what looks like one."""


@dataclass(frozen=True, slots=True)
class SideAnswer:
    """A mail that answers one to a third party, from the address that one went to; or a report of its delivery."""

    ticket_id: UUID
    message_id: UUID
    """Of the message that is answered."""
    is_bounce: bool = False
    is_verified: bool = False
    """The mail server says that it is from the sender's address."""
    answered_mail: str = ""
    """The Message-ID of the mail that is answered, or that could not be delivered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutingFacts:
    """All a decision rests on."""

    nature: Authorship = Authorship.PERSON
    is_own: bool = False
    """Its own Message-ID is one that only we can have made."""
    is_delivery_report: bool = False
    """A mail server's report from a null sender: proof that nobody wrote it."""
    is_banned: bool = False
    signed: NamedTicket | None = None
    """By a Message-ID that only we can have made."""
    known: NamedTicket | None = None
    """By the Message-ID of a mail that came in before."""
    numbered: NamedTicket | None = None
    """By `[#number]` in the subject."""
    related: NamedTicket | None = None
    """The sender's own, by the same subject and a mail named by both that we have not seen."""
    side: SideAnswer | None = None
    """Set if the mail belongs to a conversation with a third party beside a ticket."""
    staff: Staff | None = None
    """Set if the mail answers one that went to staff, or is from an agent's address."""
    may_staff_reply: bool = False
    """Whether an agent's mail that is known to be theirs may answer the requester."""
    may_acknowledge: bool = True
    """Whether the sender may be thanked: not a robot, and not one that answers each time within seconds."""
    do_auto_replies_open: bool = True


@dataclass(frozen=True, slots=True)
class IgnoreMail:
    """Kept as it came, without effect."""

    reason: str


@dataclass(frozen=True, slots=True)
class AppendMessage:
    """A message on a ticket."""

    ticket_id: UUID
    is_automatic: bool = False
    is_from_stranger: bool = False
    """Marked as such; it gives its sender access to nothing."""
    is_on_behalf: bool = False
    """Written by the one whom a robot's `Reply-To` names."""
    is_proved: bool = False
    """Whether the sender answers a mail of ours to them; else people in copy are only proposed."""


@dataclass(frozen=True, slots=True)
class OpenTicketFromMail:
    """A new ticket."""

    is_automatic: bool = False
    acknowledge: bool = True


@dataclass(frozen=True, slots=True)
class AddNote:
    """A note among agents: never shown to the requester, without effect on the ticket's life."""

    ticket_id: UUID
    agent_id: UUID
    is_verified: bool = False
    is_reply: bool = False
    """To be sent to the requester instead, if the agent may reply."""


@dataclass(frozen=True, slots=True)
class AddSideMessage:
    """A message beside the ticket: never shown to the requester, without effect on the ticket's clocks."""

    answer: SideAnswer
    is_automatic: bool = False


Decision = IgnoreMail | AppendMessage | OpenTicketFromMail | AddNote | AddSideMessage
MACHINES = frozenset({Authorship.BOUNCE, Authorship.AUTO_REPLY})


def decide(facts: RoutingFacts) -> Decision:
    """The first rule that fits. Only proof drops a mail; what merely looks automatic opens, or is kept, unanswered."""
    if facts.nature is Authorship.LOOP or facts.is_own:
        return IgnoreMail("a loop: our own mail came back")
    if facts.is_banned:
        return IgnoreMail("the sender is banned")
    if facts.side is not None:
        return AddSideMessage(facts.side, facts.nature in MACHINES)
    if facts.staff is not None and (decision := _of_staff(facts, facts.staff)) is not None:
        return decision
    if (ticket := _ticket_of(facts)) is not None:
        is_stranger = not ticket.is_member
        is_automatic = facts.nature in MACHINES or (facts.nature is Authorship.LIST and is_stranger)
        is_marked = is_stranger and facts.nature is not Authorship.BOUNCE
        is_proved = ticket.is_proved and not is_stranger
        return AppendMessage(ticket.ticket_id, is_automatic, is_marked, ticket.is_on_behalf, is_proved)
    if facts.is_delivery_report:
        return IgnoreMail("a bounce of a mail we do not know")
    if facts.nature in MACHINES and not facts.do_auto_replies_open:
        return IgnoreMail("an automatic answer to nothing we know")
    is_person = facts.nature is Authorship.PERSON
    return OpenTicketFromMail(is_automatic=not is_person, acknowledge=is_person and facts.may_acknowledge)


def _of_staff(facts: RoutingFacts, staff: Staff) -> Decision | None:
    """What staff write about a ticket stays among staff; None if it is about nothing, as anybody's first mail."""
    if staff.is_automatic:
        return IgnoreMail("an automatic answer of staff")
    if staff.ticket_id is None:
        return None
    if staff.agent_id is None:
        return IgnoreMail("an answer to a mail for staff, from nobody who belongs to it")
    return AddNote(staff.ticket_id, staff.agent_id, staff.is_verified, staff.is_verified and facts.may_staff_reply)


def _ticket_of(facts: RoutingFacts) -> NamedTicket | None:
    """Members are found by anything that names the ticket; others by a Message-ID, and are heard as strangers."""
    if facts.signed is not None:
        return facts.signed
    known = facts.known
    if known is not None and not known.is_member and facts.nature is Authorship.BOUNCE:
        known = None
    members = (named for named in (known, facts.numbered, facts.related) if named is not None and named.is_member)
    return next(members, known)
