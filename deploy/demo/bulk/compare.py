"""What came out, held against what went in. Values in, differences out."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deploy.demo.bulk.ticket_work import NOTE, REPLY, WorkedTicket
from deploy.demo.mails import Expected
from services.intake.client import Message, Ticket

LIFE = {
    "ticket.opened": 1,
    "ticket.triaged": 1,
    "ticket.assigned": 1,
    "ticket.message_recorded": 1,
    "ticket.resolved": 1,
    "ticket.closed": 1,
    "ticket.sla_settled": 2,
}
"""How often each of these happens to a ticket that is answered, resolved and closed once."""


@dataclass(frozen=True, slots=True)
class TicketOutcome:
    """One ticket as every public API and the mail sink show it at the end."""

    worked: WorkedTicket
    intake: Ticket
    intake_messages: Sequence[Message]
    desk: Mapping[str, Any]
    desk_entries: Sequence[Mapping[str, Any]]
    timeline: Sequence[str]
    """The types of its events."""
    mails: Expected | None
    """None where the stack offers no ledger to read."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not as it went in."""

    line: int
    number: str
    what: str
    expected: object
    found: object


def differences(out: TicketOutcome) -> list[Difference]:
    """Everything about one ticket that is not as it should be."""
    accepted, source = out.worked.accepted, out.worked.accepted.source
    reply, note = REPLY.format(line=source.line), NOTE.format(line=source.line)
    desk_says = [entry["body"] for entry in out.desk_entries if entry["kind"] == "message"]
    checks: list[tuple[str, object, object]] = [
        ("intake: id", str(out.intake.id), accepted.id),
        ("intake: number", out.intake.number, accepted.number),
        ("intake: subject", out.intake.subject, source.subject),
        ("intake: status", out.intake.status, "closed"),
        ("intake: requester", out.intake.requester.email.lower(), source.email.lower()),
        ("intake: messages", [message.body for message in out.intake_messages], [source.body, reply]),
        ("assignment: number", out.desk["number"], accepted.number),
        ("assignment: subject", out.desk["subject"], source.subject),
        ("assignment: status", out.desk["status"], "closed"),
        ("assignment: messages", desk_says, [source.body, reply]),
        ("assignment: notes", [e["body"] for e in out.desk_entries if e["kind"] == "note"], [note]),
        ("assignment: clocks still running", _unsettled(out.desk), []),
        ("assignment: first responses", _cycles(out.desk, "first_response"), 1),
        ("assignment: resolutions", _cycles(out.desk, "resolution"), 1),
    ]
    if source.priority is not None:
        checks.append(("assignment: priority", out.desk["priority"], source.priority))
    happened = Counter(out.timeline)
    checks += [(f"timeline: {name}", happened[name], count) for name, count in LIFE.items()]
    if out.mails is not None:
        checks.append(("mails", dict(out.mails), dict(expected_mails(out.worked, happened))))
    return [
        Difference(source.line, accepted.number, what, expected, found)
        for what, found, expected in checks
        if found != expected
    ]


def expected_mails(worked: WorkedTicket, happened: Mapping[str, int]) -> Expected:
    """What one ticket of a run sends; in a long run that includes what its clocks had to say to the assignee."""
    requester = worked.accepted.source.email
    mails: Expected = Counter(
        {
            ("acknowledgement", requester): 1,
            ("assigned", worked.assignee): 1,
            ("reply", requester): 1,
            ("resolved", requester): 1,
        }
    )
    for template in ("sla_warned", "sla_breached"):
        if happened.get(f"ticket.{template}"):
            mails[(template, worked.assignee)] = happened[f"ticket.{template}"]
    return mails


def repeated_numbers(worked: Iterable[WorkedTicket]) -> list[Difference]:
    """Tickets that share an id or a number: every line must have become one ticket of its own."""
    found: list[Difference] = []
    ids: set[str] = set()
    for one in worked:
        for name in (one.accepted.id, one.accepted.number):
            if name in ids:
                found.append(
                    Difference(one.accepted.source.line, one.accepted.number, "unique", "once", f"{name} again")
                )
            ids.add(name)
    return found


def _unsettled(ticket: Mapping[str, Any]) -> list[str]:
    return [clock["metric"] for clock in ticket["sla"]["clocks"] if clock["state"] != "settled"]


def _cycles(ticket: Mapping[str, Any], metric: str) -> int:
    return sum(clock["metric"] == metric for clock in ticket["sla"]["clocks"])
