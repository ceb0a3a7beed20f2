"""The oracle: observations in, violations out. No clock, no input, so that it is tested on small recorded runs."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from tests.chaos.run.observations import BELONGS, PRIVATE, Attempt, AttemptKind, Observations

ACKNOWLEDGEMENT = "acknowledgement"
REQUESTER = "requester"
UNSETTLED = frozenset({"waiting", "queued", "sending", "failed"})
MAIL = "mail"
MOST_COPIES = 2
"""A mail may be sent again where the server accepted it and nobody lived to write that down; never a third time."""
ACKNOWLEDGED_DOORS = frozenset({"intake API", "portal", "mail"})
"""Doors whose new tickets are acknowledged to their requester; alerts have nobody to tell."""


class Invariant(StrEnum):
    """What must hold after any fault."""

    NOTHING_LOST = "everything acknowledged is there"
    NOTHING_DOUBLED = "everything handed in is there at most once"
    PROJECTIONS = "projections equal the event log"
    VERDICTS = "SLA verdicts follow from the event log"
    DECIDED_ONCE = "every notification is decided once and comes to an end"
    SENT = "every mail that was decided was sent, with no more copies than the window allows"
    PRIVACY = "nobody sees what they may not"
    NO_DEAD_LETTERS = "no event was given up"


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong."""

    invariant: Invariant
    what: str


def violations(seen: Observations) -> list[Violation]:
    """Everything that is wrong with what was seen."""
    found: list[Violation] = []
    for invariant, check in CHECKS:
        found += (Violation(invariant, what) for what in check(seen))
    return found


def _lost(seen: Observations) -> Iterator[str]:
    for one in seen.attempts:
        if one.is_acknowledged:
            for place in BELONGS[one.kind]:
                if not seen.found[place][one.marker]:
                    yield f"{_name(one)} is not among the {place}"
    for (ticket_id, action), (least, _) in _command_bounds(seen).items():
        if seen.commands[ticket_id, action] < least:
            yield f"{seen.commands[ticket_id, action]} of {least} {action} are in the log of ticket {ticket_id}"


def _doubled(seen: Observations) -> Iterator[str]:
    for one in seen.attempts:
        for place in BELONGS[one.kind]:
            if (times := seen.found[place][one.marker]) > 1:
                yield f"{_name(one)} is {times} times among the {place}"
    for (ticket_id, action), (_, most) in _command_bounds(seen).items():
        if seen.commands[ticket_id, action] > most:
            yield f"{seen.commands[ticket_id, action]} for {most} {action} are in the log of ticket {ticket_id}"


def _command_bounds(seen: Observations) -> dict[tuple[str, str], tuple[int, int]]:
    """How many events of a type a ticket must have, and may have: a command without an answer may have happened."""
    least, most = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for one in seen.attempts:
        if one.kind is AttemptKind.COMMAND:
            most[one.ticket_id, one.action] += 1
            least[one.ticket_id, one.action] += one.is_acknowledged
    return {key: (least[key], most[key]) for key in most}


def _projections(seen: Observations) -> Iterator[str]:
    yield from seen.projection_differences


def _verdicts(seen: Observations) -> Iterator[str]:
    yield from seen.verdict_differences


def _decided(seen: Observations) -> Iterator[str]:
    keys = Counter((row.cause, row.recipient, row.template, row.channel) for row in seen.ledger)
    yield from (f"{times} decisions {key}" for key, times in keys.items() if times > 1)
    for row in seen.ledger:
        if row.status in UNSETTLED:
            yield f"{row.template} to {row.recipient} of ticket {row.ticket_id} is still {row.status}"
    told = Counter(
        row.ticket_id for row in seen.ledger if (row.template, row.recipient) == (ACKNOWLEDGEMENT, REQUESTER)
    )
    for one in seen.attempts:
        is_told = one.kind is AttemptKind.TICKET and one.is_acknowledged and one.door in ACKNOWLEDGED_DOORS
        if is_told and told[one.ticket_id] != 1:
            yield f"{_name(one)} was acknowledged to its requester {told[one.ticket_id]} times"


def _sent(seen: Observations) -> Iterator[str]:
    copies = Counter(mail.message_id for mail in seen.mails)
    for row in seen.ledger:
        if row.channel == MAIL and row.status == "sent" and not copies[row.message_id]:
            yield f"{row.template} to {row.recipient} of ticket {row.ticket_id} is called sent and was not"
    yield from (f"{times} copies of {name}" for name, times in copies.items() if times > MOST_COPIES)
    doubled = sum(times - 1 for times in copies.values() if times > 1)
    if doubled > seen.mail_windows:
        yield f"{doubled} mails went out twice, and {seen.mail_windows} faults fell where that may happen"
    names = defaultdict[tuple[str, str], set[str]](set)
    for mail in seen.mails:
        for marker in mail.markers:
            names[marker, mail.to].add(mail.message_id)
    for one in seen.attempts:
        if one.kind is AttemptKind.REPLY and one.is_acknowledged and len(names[one.marker, one.email]) != 1:
            yield f"{_name(one)} is in {len(names[one.marker, one.email])} different mails to its requester"


def _seen_by_others(seen: Observations) -> Iterator[str]:
    private = {one.marker for one in seen.attempts if one.kind in PRIVATE}
    for place, markers in seen.outside.items():
        yield from (f"the private words {marker} are in {place}" for marker in sorted(markers & private))
    for mail in seen.mails:
        if mail.to not in seen.staff:
            yield from (f"the private words {marker} are in a mail to {mail.to}" for marker in mail.markers & private)
    for check in seen.door_checks:
        if check.status != check.expected:
            yield f"{check.who} got {check.status} for {check.asked_for}, not {check.expected}"


def _given_up(seen: Observations) -> Iterator[str]:
    yield from seen.dead_letters


def _name(one: Attempt) -> str:
    return f"the {one.kind} {one.marker} by {one.door}"


CHECKS: tuple[tuple[Invariant, Callable[[Observations], Iterator[str]]], ...] = (
    (Invariant.NOTHING_LOST, _lost),
    (Invariant.NOTHING_DOUBLED, _doubled),
    (Invariant.PROJECTIONS, _projections),
    (Invariant.VERDICTS, _verdicts),
    (Invariant.DECIDED_ONCE, _decided),
    (Invariant.SENT, _sent),
    (Invariant.PRIVACY, _seen_by_others),
    (Invariant.NO_DEAD_LETTERS, _given_up),
)
