"""Planted bugs: what a defect would leave behind is put into the system between load and check, and must be found."""

import re
from collections.abc import Awaitable, Callable
from email.message import EmailMessage

import aiosmtplib

from shared.contracts.names import dead_subject
from shared.kit.clock import new_id
from tests.chaos.run.invariants import Invariant
from tests.chaos.run.load import Load
from tests.chaos.run.observations import Attempt, AttemptKind
from tests.chaos.run.observe import rows_of
from tests.chaos.run.system import ChaosSystem

COPIES = 3
LOSE = "delete from messages where id = (select id from messages where body like '%{marker}%' limit 1)"
DOUBLE = """
insert into messages
    (id, ticket_id, author_kind, author_id, author_name, body, body_format, channel, attachments,
    is_automatic, posted_at)
select gen_random_uuid(), ticket_id, author_kind, author_id, author_name, body, body_format, channel, attachments,
    is_automatic, posted_at
from messages where body like '%{marker}%'
"""
WRONG_PRIORITY = """
update tickets set priority = case priority when 'low' then 'high' else 'low' end
where id = (select id from tickets where subject like '%{marker}%')
"""
WRONG_VERDICT = """
update verdicts set outcome = case outcome when 'met' then 'breached' else 'met' end
where ticket_id = (select ticket_id from verdicts order by settled_at limit 1)
"""
UNDECIDED = """
delete from deliveries where ticket_id = '{ticket_id}' and recipient = 'requester' and template = 'acknowledgement'
"""


async def lost_ack(system: ChaosSystem, load: Load) -> None:
    """An acknowledged message is gone from the desk."""
    await _change(system, LOSE, _one(load, AttemptKind.MESSAGE))


async def doubled_message(system: ChaosSystem, load: Load) -> None:
    """The desk shows a message twice."""
    await _change(system, DOUBLE, _one(load, AttemptKind.REPLY))


async def wrong_projection(system: ChaosSystem, load: Load) -> None:
    """The queue shows another priority than the events say."""
    await _change(system, WRONG_PRIORITY, _one(load, AttemptKind.TICKET))


async def wrong_verdict(system: ChaosSystem, load: Load) -> None:
    """A clock that was met is recorded as breached, or the other way round."""
    await _change(system, WRONG_VERDICT, _one(load, AttemptKind.TICKET))


async def doubled_mail(system: ChaosSystem, load: Load) -> None:
    """A mail has left the house three times over."""
    [[message_id, address]] = await rows_of(
        system,
        "notification",
        "select message_id, address from deliveries where status = 'sent' and channel = 'mail' limit 1",
    )
    for _ in range(COPIES):
        await _mail(system, address, message_id.strip("<>"), "the same again")


async def leaked_note(system: ChaosSystem, load: Load) -> None:
    """A requester is sent what agents noted among themselves."""
    note = _one(load, AttemptKind.NOTE)
    await _mail(system, "dana@bank.example", f"{new_id()}@everdesk.example", f"For us alone {note.marker}")


async def undecided(system: ChaosSystem, load: Load) -> None:
    """A requester's acknowledgement was never decided upon."""
    one = next(
        one for one in load.attempts if one.kind is AttemptKind.TICKET and one.door == "intake API" and one.ticket_id
    )
    await _change(system, UNDECIDED.format(ticket_id=one.ticket_id), one, "notification")


async def buried_event(system: ChaosSystem, load: Load) -> None:
    """A consumer has given an event up."""
    one = _one(load, AttemptKind.TICKET)
    bus = await system.bus()
    try:
        event = f"everdesk.ticket.opened.v1.{one.ticket_id or new_id()}"
        headers = {"Everdesk-Event-Id": str(new_id()), "Everdesk-Error": "planted", "Everdesk-Attempts": "5"}
        await bus.jetstream().publish(dead_subject("notification", event), b"{}", headers=headers)
    finally:
        await bus.close()


PLANTS: dict[str, tuple[Invariant, Callable[[ChaosSystem, Load], Awaitable[None]]]] = {
    "lost_ack": (Invariant.NOTHING_LOST, lost_ack),
    "doubled_message": (Invariant.NOTHING_DOUBLED, doubled_message),
    "wrong_projection": (Invariant.PROJECTIONS, wrong_projection),
    "wrong_verdict": (Invariant.VERDICTS, wrong_verdict),
    "doubled_mail": (Invariant.SENT, doubled_mail),
    "leaked_note": (Invariant.PRIVACY, leaked_note),
    "undecided": (Invariant.DECIDED_ONCE, undecided),
    "buried_event": (Invariant.NO_DEAD_LETTERS, buried_event),
}
"""By name, which invariant must be found broken, and how it is broken."""


def _one(load: Load, kind: AttemptKind) -> Attempt:
    return next(one for one in load.attempts if one.kind is kind and one.is_acknowledged)


async def _change(system: ChaosSystem, statement: str, one: Attempt, service: str = "assignment") -> None:
    """Changes a row of a service. Raises AssertionError if there was none to change."""
    connection = await system.database(service)
    try:
        done = await connection.execute(statement.replace("{marker}", one.marker))
    finally:
        await connection.close()
    assert re.search(r" [1-9]\d*$", done), f"nothing was changed: {done}"


async def _mail(system: ChaosSystem, to: str, message_id: str, text: str) -> None:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "support@everdesk.example", to, "Planted"
    mail["Message-ID"] = f"<{message_id}>"
    mail.set_content(text)
    port = system.stack.ports["MAIL_SMTP"]
    await aiosmtplib.send(mail, hostname="127.0.0.1", port=port, start_tls=False)
