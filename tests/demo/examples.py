"""A ticket that came out exactly as it went in, to be spoiled one thing at a time."""

from collections import Counter
from typing import Any
from uuid import NAMESPACE_OID, uuid5

from deploy.demo.bulk.compare import LIFE, TicketOutcome, expected_mails
from deploy.demo.bulk.dataset import RealTicket, from_row
from deploy.demo.bulk.ticket_work import NOTE, REPLY, AcceptedTicket, WorkedTicket
from services.intake.client import Message, Ticket
from services.intake.examples import MESSAGE, TICKET

ROW = {
    "subject": "Printer on fire",
    "body": "It burns.\n\nPlease hurry. ",
    "priority": "Critical",
    "email": "sam@example.org",
}
AGENT = "ada@everdesk.example"


def id_of(number: str) -> str:
    """The id of the ticket of that number."""
    return str(uuid5(NAMESPACE_OID, number))


def source(line: int = 7, **changes: Any) -> RealTicket:
    """What was read from the file."""
    return from_row(line, ROW | changes)


def worked(line: int = 7, number: str = "100007") -> WorkedTicket:
    """The same after submitting and closing it."""
    return WorkedTicket(AcceptedTicket(source(line), id_of(number), number), ticket(number), AGENT)


def ticket(number: str = "100007") -> dict[str, Any]:
    """What assignment shows at the end."""
    return {
        "id": id_of(number),
        "number": number,
        "subject": "Printer on fire",
        "status": "closed",
        "priority": "urgent",
        "sla": {"clocks": [clock("first_response"), clock("resolution")]},
    }


def clock(metric: str, **changes: Any) -> dict[str, Any]:
    """A clock that was settled in time."""
    return {
        "metric": metric,
        "cycle": 1,
        "state": "settled",
        "outcome": "met",
        "elapsed": 4.0,
        "target": 900.0,
    } | changes


def came_out(**changes: Any) -> TicketOutcome:
    """Everything the public APIs show of it; `changes` plants what is wrong."""
    one, reply, note = worked(), REPLY.format(line=7), NOTE.format(line=7)
    values: dict[str, Any] = {
        "worked": one,
        "intake": Ticket.model_validate(
            TICKET
            | {
                "id": one.accepted.id,
                "number": one.accepted.number,
                "subject": "Printer on fire",
                "status": "closed",
                "requester": {"email": "sam@example.org", "name": "Sam"},
            }
        ),
        "intake_messages": [Message.model_validate(MESSAGE | {"body": body}) for body in (ROW["body"], reply)],
        "desk": ticket(),
        "desk_entries": [
            {"kind": "message", "body": ROW["body"]},
            {"kind": "note", "body": note},
            {"kind": "message", "body": reply},
        ],
        "timeline": list(Counter(LIFE).elements()),
        "mails": expected_mails(one, {}),
    }
    return TicketOutcome(**(values | changes))


def mail(number: str, message_id: str) -> dict[str, Any]:
    """A mail as the sink lists it."""
    return {"Subject": f"[#{number}] Printer on fire", "MessageID": message_id, "To": [{"Address": "sam@example.org"}]}
