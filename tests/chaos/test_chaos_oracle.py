"""The oracle of `make chaos` on a small recorded run: it finds nothing wrong there, and each planted bug."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import islice

import pytest

from tests.chaos.run.invariants import Invariant, violations
from tests.chaos.run.links import Link, SmtpAnswers, SmtpWatch
from tests.chaos.run.nats_frames import Frames, Losses
from tests.chaos.run.observations import (
    BELONGS,
    Attempt,
    AttemptKind,
    DoorCheck,
    LedgerRow,
    Observations,
    SentMail,
    StoredPlace,
)
from tests.chaos.run.plan import VICTIMS, FaultKind, faults
from tests.chaos.run.plants import PLANTS
from tests.chaos.run.stack_host import rewired

STAFF = "ada@everdesk.example"
DANA = "dana@bank.example"
TICKET = Attempt("mk1", AttemptKind.TICKET, "portal", "t1", DANA, is_acknowledged=True)
ALERT = Attempt("mk2", AttemptKind.TICKET, "alerts", "t2", is_acknowledged=True)
MESSAGE = Attempt("mk3", AttemptKind.MESSAGE, "mail", "t1", is_acknowledged=True)
REPLY = Attempt("mk4", AttemptKind.REPLY, "assignment", "t1", DANA, is_acknowledged=True)
NOTE = Attempt("mk5", AttemptKind.NOTE, "assignment", "t1", is_acknowledged=True)
FILE = Attempt("mk6", AttemptKind.FILE, "files", "t1", is_acknowledged=True)
COMMAND = Attempt("mk7", AttemptKind.COMMAND, "assignment", "t1", action="ticket.resolved", is_acknowledged=True)
UNSURE = Attempt("mk8", AttemptKind.COMMAND, "assignment", "t1", action="ticket.resolved")
NEVER = Attempt("mk9", AttemptKind.MESSAGE, "portal", "t1")
ACKNOWLEDGED = LedgerRow("e1", "requester", "acknowledgement", "mail", "sent", "m1", "t1")
TOLD = LedgerRow("e2", "requester", "reply", "mail", "sent", "m2", "t1")
DROPPED = LedgerRow("e3", "requester", "acknowledgement", "mail", "dropped", "m3", "t2")


def recorded() -> Observations:
    """A run in which all is well, and one message and one command never got an answer."""
    attempts = (TICKET, ALERT, MESSAGE, REPLY, NOTE, FILE, COMMAND, UNSURE, NEVER)
    found = {place: Counter[str]() for place in StoredPlace}
    for one in attempts[:-2]:
        for place in BELONGS[one.kind]:
            found[place][one.marker] = 1
    return Observations(
        attempts=attempts,
        found=found,
        commands=Counter({("t1", "ticket.resolved"): 2}),
        ledger=(ACKNOWLEDGED, TOLD, DROPPED),
        mails=(
            SentMail("m1", DANA),
            SentMail("m2", DANA, frozenset({"mk4"})),
            SentMail("m2", DANA, frozenset({"mk4"})),
        ),
        staff=frozenset({STAFF}),
        outside={"a page of the portal": frozenset({"mk1", "mk3", "mk4"})},
        door_checks=(DoorCheck("a stranger", "a ticket", 404, 404),),
        mail_windows=1,
    )


def with_found(seen: Observations, place: StoredPlace, marker: str, times: int) -> Observations:
    """The same, a marker being so often in a place."""
    counts = Counter(seen.found[place])
    counts[marker] = times
    return replace(seen, found={**seen.found, place: counts})


def commands(times: int) -> Callable[[Observations], Observations]:
    return lambda seen: replace(seen, commands=Counter({("t1", "ticket.resolved"): times}))


def mails(*more: SentMail) -> Callable[[Observations], Observations]:
    return lambda seen: replace(seen, mails=(*seen.mails, *more))


def ledger(*rows: LedgerRow) -> Callable[[Observations], Observations]:
    return lambda seen: replace(seen, ledger=rows)


BUGS: list[tuple[str, Invariant, Callable[[Observations], Observations]]] = [
    ("lost_ack", Invariant.NOTHING_LOST, lambda seen: with_found(seen, StoredPlace.DESK_MESSAGES, "mk3", 0)),
    ("", Invariant.NOTHING_LOST, lambda seen: with_found(seen, StoredPlace.FILES, "mk6", 0)),
    ("", Invariant.NOTHING_LOST, commands(0)),
    ("doubled_message", Invariant.NOTHING_DOUBLED, lambda seen: with_found(seen, StoredPlace.DESK_MESSAGES, "mk4", 2)),
    ("", Invariant.NOTHING_DOUBLED, lambda seen: with_found(seen, StoredPlace.INTAKE_MESSAGES, "mk9", 2)),
    ("", Invariant.NOTHING_DOUBLED, commands(3)),
    ("wrong_projection", Invariant.PROJECTIONS, lambda seen: replace(seen, projection_differences=("t1 priority",))),
    ("wrong_verdict", Invariant.VERDICTS, lambda seen: replace(seen, verdict_differences=("t1 resolution",))),
    ("undecided", Invariant.DECIDED_ONCE, ledger(TOLD, DROPPED)),
    ("", Invariant.DECIDED_ONCE, ledger(ACKNOWLEDGED, replace(ACKNOWLEDGED, cause="e9"), TOLD)),
    ("", Invariant.DECIDED_ONCE, ledger(ACKNOWLEDGED, replace(TOLD, status="queued"))),
    ("doubled_mail", Invariant.SENT, mails(SentMail("m2", DANA))),
    ("", Invariant.SENT, mails(SentMail("m1", DANA))),
    ("", Invariant.SENT, mails(SentMail("m4", DANA, frozenset({"mk4"})))),
    ("", Invariant.SENT, lambda seen: replace(seen, mails=seen.mails[1:])),
    ("leaked_note", Invariant.PRIVACY, mails(SentMail("m5", DANA, frozenset({"mk5"})))),
    ("", Invariant.PRIVACY, lambda seen: replace(seen, outside={"a page": frozenset({"mk7"})})),
    ("", Invariant.PRIVACY, lambda seen: replace(seen, door_checks=(DoorCheck("a stranger", "a ticket", 200, 404),))),
    ("buried_event", Invariant.NO_DEAD_LETTERS, lambda seen: replace(seen, dead_letters=("notification",))),
]


def test_a_run_in_which_all_is_well_has_no_violations() -> None:
    assert violations(recorded()) == []


@pytest.mark.parametrize(("invariant", "bug"), [row[1:] for row in BUGS])
def test_every_bug_is_found_and_named(invariant: Invariant, bug: Callable[[Observations], Observations]) -> None:
    assert {one.invariant for one in violations(bug(recorded()))} == {invariant}


def test_the_bugs_that_a_run_can_be_given_are_among_them() -> None:
    assert {name: invariant for name, invariant, _ in BUGS if name} == {name: at[0] for name, at in PLANTS.items()}


def test_each_invariant_has_a_bug_that_a_run_can_be_given() -> None:
    assert {invariant for invariant, _ in PLANTS.values()} == set(Invariant)


def test_a_colleague_may_be_sent_a_note() -> None:
    assert violations(mails(SentMail("m6", STAFF, frozenset({"mk5"})))(recorded())) == []


def test_a_seed_means_the_same_faults_and_every_kind_comes_before_any_comes_again() -> None:
    first, second = (list(islice(faults(7), 200)) for _ in range(2))
    assert first == second
    assert first != list(islice(faults(8), 200))
    assert {fault.kind for fault in first[: len(FaultKind)]} == set(FaultKind)
    assert {(fault.kind, fault.victim) for fault in first} == {
        (kind, victim) for kind, victims in VICTIMS.items() for victim in victims
    }


def test_single_acknowledgements_are_lost_on_a_connection_that_goes_on() -> None:
    losses = Losses(acks=True)
    ack = b"PUB $JS.ACK.EVERDESK.intake.1.5.5.1 4\r\n+ACK\r\n"
    event = b"PUB everdesk.x reply 5\r\na\r\nbc\r\n"
    stream = b"PING\r\n" + ack + event + ack
    way = Frames(losses)
    assert b"".join(way.feed(stream[at : at + 7]) for at in range(0, len(stream), 7)) == b"PING\r\n" + event
    assert losses.acks_lost == 2
    losses.acks = False
    assert way.feed(ack) == ack


def test_what_the_server_says_again_is_noticed_and_its_own_answers_can_be_lost() -> None:
    losses = Losses(publish_acks=True)
    again = b"HMSG everdesk.x 1 $JS.ACK.EVERDESK.intake.2.5.5.1.0 12 14\r\nNATS/1.0\r\n\r\nhi\r\n"
    answer = b'MSG _INBOX.a 2 31\r\n{"stream":"EVERDESK","seq":17}\n\r\n'
    assert Frames(losses).feed(again + answer) == again
    assert (losses.redelivered, losses.publish_acks_lost) == (1, 1)


def test_the_acceptance_of_a_mail_is_kept_back_once_when_somebody_waits_for_it() -> None:
    accepted: list[str] = []
    watch = SmtpWatch(Link("notification", "mail", 25, on_accepted=lambda: accepted.append("mail")))
    answers = SmtpAnswers(watch)
    assert answers.feed(b"250 hello\r\n") == b"250 hello\r\n"
    watch.feed(b"words\r\n.")
    watch.feed(b"\r\n")
    with pytest.raises(ConnectionAbortedError):
        answers.feed(b"250 OK\r\n")
    assert accepted == ["mail"]
    assert answers.feed(b"250 OK\r\n") == b"250 OK\r\n"


def test_addresses_of_engines_lead_through_the_proxy() -> None:
    assert rewired("postgresql+asyncpg://intake:secret@127.0.0.1:5432/intake", 7) == (
        "postgresql+asyncpg://intake:secret@127.0.0.1:7/intake"
    )
    assert rewired("127.0.0.1:7233", 7) == "127.0.0.1:7"
    assert rewired("1025", 7) == "7"
