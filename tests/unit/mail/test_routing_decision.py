"""What becomes of a mail, as a table: who may reach which ticket, and what is never answered."""

from uuid import UUID

import pytest

from services.intake.mail.parsing.auto_reply_detection import Authorship
from services.intake.mail.routing.decision import (
    AddNote,
    AppendMessage,
    Decision,
    IgnoreMail,
    NamedTicket,
    OpenTicketFromMail,
    RoutingFacts,
    SenderStanding,
    Staff,
    decide,
)

A, B, C, AGENT = (UUID(int=number) for number in (1, 2, 3, 4))


def named(ticket: UUID, standing: SenderStanding = SenderStanding.REQUESTER) -> NamedTicket:
    return NamedTicket(ticket, standing)


STRANGER, PARTICIPANT = SenderStanding.STRANGER, SenderStanding.PARTICIPANT
CASES: dict[str, tuple[RoutingFacts, Decision]] = {
    "a person's mail about nothing known opens a ticket": (RoutingFacts(), OpenTicketFromMail()),
    "our own mail never does": (RoutingFacts(nature=Authorship.LOOP), IgnoreMail("a loop: our own mail came back")),
    "nor does one with a Message-ID of ours": (RoutingFacts(is_own=True), IgnoreMail("a loop: our own mail came back")),
    "a loop is no message either": (
        RoutingFacts(is_own=True, signed=named(A)),
        IgnoreMail("a loop: our own mail came back"),
    ),
    "a banned sender has no effect": (
        RoutingFacts(is_banned=True, signed=named(A)),
        IgnoreMail("the sender is banned"),
    ),
    "an answer to our mail is a message": (RoutingFacts(signed=named(A)), AppendMessage(A)),
    "from a participant too": (RoutingFacts(signed=named(A, PARTICIPANT)), AppendMessage(A)),
    "from a stranger it is marked": (RoutingFacts(signed=named(A, STRANGER)), AppendMessage(A, is_from_stranger=True)),
    "what we signed beats what others wrote": (
        RoutingFacts(signed=named(A), known=named(B), numbered=named(C)),
        AppendMessage(A),
    ),
    "an answer to somebody else's mail on the ticket": (
        RoutingFacts(known=named(B), numbered=named(C)),
        AppendMessage(B),
    ),
    "a colleague in copy who answers it is heard as a stranger": (
        RoutingFacts(known=named(B, STRANGER)),
        AppendMessage(B, is_from_stranger=True),
    ),
    "a second mail of the same thread and subject": (RoutingFacts(related=named(C)), AppendMessage(C)),
    "that beats somebody else's mail": (RoutingFacts(known=named(B, STRANGER), related=named(C)), AppendMessage(C)),
    "a number counts for its requester": (RoutingFacts(numbered=named(C)), AppendMessage(C)),
    "and for a participant": (RoutingFacts(numbered=named(C, PARTICIPANT)), AppendMessage(C)),
    "a stranger's number is only a number": (RoutingFacts(numbered=named(C, STRANGER)), OpenTicketFromMail()),
    "a stranger's id does not hide a member's number": (
        RoutingFacts(known=named(B, STRANGER), numbered=named(C)),
        AppendMessage(C),
    ),
    "an absence is noted, and is no answer": (
        RoutingFacts(nature=Authorship.AUTO_REPLY, signed=named(A)),
        AppendMessage(A, is_automatic=True),
    ),
    "so is a stranger's": (
        RoutingFacts(nature=Authorship.AUTO_REPLY, signed=named(A, STRANGER)),
        AppendMessage(A, is_automatic=True, is_from_stranger=True),
    ),
    "a bounce of our mail is noted on its ticket": (
        RoutingFacts(nature=Authorship.BOUNCE, signed=named(A, STRANGER)),
        AppendMessage(A, is_automatic=True),
    ),
    "a proven bounce of something else is kept, no more": (
        RoutingFacts(nature=Authorship.BOUNCE, is_delivery_report=True),
        IgnoreMail("a bounce of a mail we do not know"),
    ),
    "what only looks like a bounce opens a ticket": (
        RoutingFacts(nature=Authorship.BOUNCE),
        OpenTicketFromMail(is_automatic=True, acknowledge=False),
    ),
    "a forged bounce reaches no ticket": (
        RoutingFacts(nature=Authorship.BOUNCE, known=named(B, STRANGER), numbered=named(C, STRANGER)),
        OpenTicketFromMail(is_automatic=True, acknowledge=False),
    ),
    "a robot is not thanked": (RoutingFacts(may_acknowledge=False), OpenTicketFromMail(acknowledge=False)),
    "a machine's mail opens a ticket and is not thanked": (
        RoutingFacts(nature=Authorship.AUTO_REPLY),
        OpenTicketFromMail(is_automatic=True, acknowledge=False),
    ),
    "unless it is told not to": (
        RoutingFacts(nature=Authorship.AUTO_REPLY, do_auto_replies_open=False),
        IgnoreMail("an automatic answer to nothing we know"),
    ),
    "a list is not thanked": (
        RoutingFacts(nature=Authorship.LIST),
        OpenTicketFromMail(is_automatic=True, acknowledge=False),
    ),
    "a requester behind a list is still a person": (
        RoutingFacts(nature=Authorship.LIST, signed=named(A)),
        AppendMessage(A),
    ),
    "what staff write becomes a note": (
        RoutingFacts(staff=Staff(AGENT, A), signed=named(A, STRANGER)),
        AddNote(A, AGENT),
    ),
    "verified or not": (RoutingFacts(staff=Staff(AGENT, A, is_verified=True)), AddNote(A, AGENT, is_verified=True)),
    "a reply only if it is verified and allowed": (
        RoutingFacts(staff=Staff(AGENT, A, is_verified=True), may_staff_reply=True),
        AddNote(A, AGENT, is_verified=True, is_reply=True),
    ),
    "never if somebody only says so": (RoutingFacts(staff=Staff(AGENT, A), may_staff_reply=True), AddNote(A, AGENT)),
    "an absence of staff touches nothing": (
        RoutingFacts(staff=Staff(AGENT, A, is_automatic=True), signed=named(A, STRANGER)),
        IgnoreMail("an automatic answer of staff"),
    ),
    "nor does a bounce of a mail to staff": (
        RoutingFacts(nature=Authorship.BOUNCE, staff=Staff(None, A, is_automatic=True), signed=named(A, STRANGER)),
        IgnoreMail("an automatic answer of staff"),
    ),
    "a stranger with a mail for staff is not heard": (
        RoutingFacts(staff=Staff(None, A), signed=named(A, STRANGER)),
        IgnoreMail("an answer to a mail for staff, from nobody who belongs to it"),
    ),
    "an agent asks for help as anybody does": (RoutingFacts(staff=Staff(AGENT)), OpenTicketFromMail()),
    "a stranger's list is a machine": (
        RoutingFacts(nature=Authorship.LIST, signed=named(A, STRANGER)),
        AppendMessage(A, is_automatic=True, is_from_stranger=True),
    ),
}


@pytest.mark.parametrize(("facts", "decision"), CASES.values(), ids=CASES.keys())
def test_each_mail_has_one_outcome(facts: RoutingFacts, decision: Decision) -> None:
    assert decide(facts) == decision


@pytest.mark.parametrize("nature", list(Authorship))
def test_no_mail_of_a_stranger_is_taken_for_a_members(nature: Authorship) -> None:
    for where in ("signed", "known", "numbered"):
        decision = decide(RoutingFacts(nature=nature, **{where: named(A, STRANGER)}))  # type: ignore[arg-type]
        if isinstance(decision, AppendMessage):
            assert where != "numbered"
            assert decision.is_from_stranger or (nature is Authorship.BOUNCE and decision.is_automatic)
