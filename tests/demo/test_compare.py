"""What came out is held against what went in, and nothing that differs passes."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from deploy.demo.bulk.compare import TicketOutcome, differences, repeated_numbers
from deploy.demo.bulk.mailboxes import compare_mailboxes
from services.intake.client import Person
from tests.demo.examples import AGENT, came_out, clock, mail, ticket, worked


def test_a_ticket_that_came_out_as_it_went_in_has_no_differences() -> None:
    assert differences(came_out()) == []


def _body_altered() -> TicketOutcome:
    good = came_out()
    first, second = good.intake_messages
    return came_out(intake_messages=[first.model_copy(update={"body": first.body.rstrip()}), second])


def _reply_twice() -> TicketOutcome:
    good = came_out()
    return came_out(desk_entries=[*good.desk_entries, good.desk_entries[-1]])


def _intake(**changes: Any) -> TicketOutcome:
    return came_out(intake=came_out().intake.model_copy(update=changes))


def _desk(**changes: Any) -> TicketOutcome:
    return came_out(desk=ticket() | changes)


def _mails(changes: dict[tuple[str, str], int]) -> TicketOutcome:
    mails = Counter(came_out().mails)
    mails.update(changes)
    return came_out(mails=mails)


PLANTED: dict[str, tuple[Callable[[], TicketOutcome], str]] = {
    "a body that lost its last blank": (_body_altered, "intake: messages"),
    "another subject in intake": (lambda: _intake(subject="Printer on fire "), "intake: subject"),
    "another subject in assignment": (lambda: _desk(subject="printer on fire"), "assignment: subject"),
    "a ticket left open in intake": (lambda: _intake(status="resolved"), "intake: status"),
    "a ticket left open in assignment": (lambda: _desk(status="open"), "assignment: status"),
    "somebody else's ticket": (
        lambda: _intake(requester=Person(email="other@example.org", name="Sam")),
        "intake: requester",
    ),
    "another number": (lambda: _desk(number="100008"), "assignment: number"),
    "another priority": (lambda: _desk(priority="normal"), "assignment: priority"),
    "a reply recorded twice": (_reply_twice, "assignment: messages"),
    "a missing note": (
        lambda: came_out(desk_entries=[e for e in came_out().desk_entries if e["kind"] == "message"]),
        "assignment: notes",
    ),
    "a clock that runs on": (
        lambda: _desk(sla={"clocks": [clock("first_response"), clock("resolution", state="running", outcome=None)]}),
        "assignment: clocks still running",
    ),
    "a missing clock": (lambda: _desk(sla={"clocks": [clock("resolution")]}), "assignment: first responses"),
    "an event that happened twice": (
        lambda: came_out(timeline=[*came_out().timeline, "ticket.closed"]),
        "timeline: ticket.closed",
    ),
    "a mail sent twice": (lambda: _mails({("reply", "sam@example.org"): 1}), "mails"),
    "a mail not sent": (lambda: came_out(mails=Counter({("acknowledgement", "sam@example.org"): 1})), "mails"),
    "a mail to somebody else": (lambda: _mails({("reply", "eve@example.org"): 1}), "mails"),
    "a warning that no clock gave": (lambda: _mails({("sla_warned", AGENT): 1}), "mails"),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_mismatch_is_caught(planted: str) -> None:
    plant, what = PLANTED[planted]
    assert [difference.what for difference in differences(plant())] == [what]


def test_a_warning_that_the_clocks_gave_must_have_been_mailed() -> None:
    warned = [*came_out().timeline, "ticket.sla_warned"]
    assert [difference.what for difference in differences(came_out(timeline=warned))] == ["mails"]
    mails = Counter(came_out().mails) + Counter({("sla_warned", AGENT): 1})
    assert differences(came_out(timeline=warned, mails=mails)) == []


def test_without_a_ledger_everything_else_is_still_compared() -> None:
    assert differences(came_out(mails=None)) == []
    assert differences(came_out(mails=None, desk=ticket() | {"status": "open"}))


def test_two_lines_must_not_become_one_ticket() -> None:
    assert repeated_numbers([worked(7, "100007"), worked(8, "100008")]) == []
    shared = repeated_numbers([worked(7, "100007"), worked(8, "100007")])
    assert {difference.line for difference in shared} == {8}


def test_every_mailbox_holds_its_mails_once() -> None:
    mails = [mail("100007", f"<{number}@example>") for number in range(4)]
    assert compare_mailboxes([*mails, mail("999", "<other@example>")], [worked()]) == []
    assert [d.what for d in compare_mailboxes(mails[1:], [worked()])] == ["mailbox: mails"]
    assert [d.what for d in compare_mailboxes([*mails, mails[0]], [worked()])] == ["mailbox: Message-IDs"]
