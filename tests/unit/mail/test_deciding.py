"""What becomes of a mail, as a table: who may reach which ticket, and what is never answered."""

from uuid import UUID

import pytest

from services.intake.mail.deciding import (
    Append,
    Decision,
    Facts,
    Ignore,
    Named,
    Note,
    Open,
    Staff,
    Standing,
    decide,
)
from services.intake.mail.guards import Nature

A, B, C, AGENT = (UUID(int=number) for number in (1, 2, 3, 4))


def named(ticket: UUID, standing: Standing = Standing.REQUESTER) -> Named:
    return Named(ticket, standing)


STRANGER, PARTICIPANT = Standing.STRANGER, Standing.PARTICIPANT
CASES: dict[str, tuple[Facts, Decision]] = {
    "a person's mail about nothing known opens a ticket": (Facts(), Open()),
    "our own mail never does": (Facts(nature=Nature.LOOP), Ignore("a loop: our own mail came back")),
    "nor does one with a Message-ID of ours": (Facts(is_own=True), Ignore("a loop: our own mail came back")),
    "a loop is no message either": (
        Facts(is_own=True, signed=named(A)),
        Ignore("a loop: our own mail came back"),
    ),
    "a banned sender has no effect": (Facts(is_banned=True, signed=named(A)), Ignore("the sender is banned")),
    "an answer to our mail is a message": (Facts(signed=named(A)), Append(A)),
    "from a participant too": (Facts(signed=named(A, PARTICIPANT)), Append(A)),
    "from a stranger it is marked": (Facts(signed=named(A, STRANGER)), Append(A, is_from_stranger=True)),
    "what we signed beats what others wrote": (
        Facts(signed=named(A), known=named(B), numbered=named(C)),
        Append(A),
    ),
    "an answer to somebody else's mail on the ticket": (Facts(known=named(B), numbered=named(C)), Append(B)),
    "a colleague in copy who answers it is heard as a stranger": (
        Facts(known=named(B, STRANGER)),
        Append(B, is_from_stranger=True),
    ),
    "a second mail of the same thread and subject": (Facts(related=named(C)), Append(C)),
    "that beats somebody else's mail": (Facts(known=named(B, STRANGER), related=named(C)), Append(C)),
    "a number counts for its requester": (Facts(numbered=named(C)), Append(C)),
    "and for a participant": (Facts(numbered=named(C, PARTICIPANT)), Append(C)),
    "a stranger's number is only a number": (Facts(numbered=named(C, STRANGER)), Open()),
    "a stranger's id does not hide a member's number": (
        Facts(known=named(B, STRANGER), numbered=named(C)),
        Append(C),
    ),
    "an absence is noted, and is no answer": (
        Facts(nature=Nature.AUTO_REPLY, signed=named(A)),
        Append(A, is_automatic=True),
    ),
    "so is a stranger's": (
        Facts(nature=Nature.AUTO_REPLY, signed=named(A, STRANGER)),
        Append(A, is_automatic=True, is_from_stranger=True),
    ),
    "a bounce of our mail is noted on its ticket": (
        Facts(nature=Nature.BOUNCE, signed=named(A, STRANGER)),
        Append(A, is_automatic=True),
    ),
    "a proven bounce of something else is kept, no more": (
        Facts(nature=Nature.BOUNCE, is_delivery_report=True),
        Ignore("a bounce of a mail we do not know"),
    ),
    "what only looks like a bounce opens a ticket": (
        Facts(nature=Nature.BOUNCE),
        Open(is_automatic=True, acknowledge=False),
    ),
    "a forged bounce reaches no ticket": (
        Facts(nature=Nature.BOUNCE, known=named(B, STRANGER), numbered=named(C, STRANGER)),
        Open(is_automatic=True, acknowledge=False),
    ),
    "a robot is not thanked": (Facts(may_acknowledge=False), Open(acknowledge=False)),
    "a machine's mail opens a ticket and is not thanked": (
        Facts(nature=Nature.AUTO_REPLY),
        Open(is_automatic=True, acknowledge=False),
    ),
    "unless it is told not to": (
        Facts(nature=Nature.AUTO_REPLY, do_auto_replies_open=False),
        Ignore("an automatic answer to nothing we know"),
    ),
    "a list is not thanked": (Facts(nature=Nature.LIST), Open(is_automatic=True, acknowledge=False)),
    "a requester behind a list is still a person": (Facts(nature=Nature.LIST, signed=named(A)), Append(A)),
    "what staff write becomes a note": (
        Facts(staff=Staff(AGENT, A), signed=named(A, STRANGER)),
        Note(A, AGENT),
    ),
    "verified or not": (Facts(staff=Staff(AGENT, A, is_verified=True)), Note(A, AGENT, is_verified=True)),
    "a reply only if it is verified and allowed": (
        Facts(staff=Staff(AGENT, A, is_verified=True), may_staff_reply=True),
        Note(A, AGENT, is_verified=True, is_reply=True),
    ),
    "never if somebody only says so": (Facts(staff=Staff(AGENT, A), may_staff_reply=True), Note(A, AGENT)),
    "an absence of staff touches nothing": (
        Facts(staff=Staff(AGENT, A, is_automatic=True), signed=named(A, STRANGER)),
        Ignore("an automatic answer of staff"),
    ),
    "nor does a bounce of a mail to staff": (
        Facts(nature=Nature.BOUNCE, staff=Staff(None, A, is_automatic=True), signed=named(A, STRANGER)),
        Ignore("an automatic answer of staff"),
    ),
    "a stranger with a mail for staff is not heard": (
        Facts(staff=Staff(None, A), signed=named(A, STRANGER)),
        Ignore("an answer to a mail for staff, from nobody who belongs to it"),
    ),
    "an agent asks for help as anybody does": (Facts(staff=Staff(AGENT)), Open()),
    "a stranger's list is a machine": (
        Facts(nature=Nature.LIST, signed=named(A, STRANGER)),
        Append(A, is_automatic=True, is_from_stranger=True),
    ),
}


@pytest.mark.parametrize(("facts", "decision"), CASES.values(), ids=CASES.keys())
def test_each_mail_has_one_outcome(facts: Facts, decision: Decision) -> None:
    assert decide(facts) == decision


@pytest.mark.parametrize("nature", list(Nature))
def test_no_mail_of_a_stranger_is_taken_for_a_members(nature: Nature) -> None:
    for where in ("signed", "known", "numbered"):
        decision = decide(Facts(nature=nature, **{where: named(A, STRANGER)}))  # type: ignore[arg-type]
        if isinstance(decision, Append):
            assert where != "numbered"
            assert decision.is_from_stranger or (nature is Nature.BOUNCE and decision.is_automatic)
