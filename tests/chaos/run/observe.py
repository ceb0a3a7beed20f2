"""Reads what a system holds after a run, through its databases, its mailboxes, its commands and its doors."""

import asyncio
import hashlib
import os
import sys
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import httpx2

from tests.chaos.run.invariants import UNSETTLED
from tests.chaos.run.load import MARKER, Load
from tests.chaos.run.observations import (
    PRIVATE,
    Attempt,
    AttemptKind,
    DoorCheck,
    LedgerRow,
    Observations,
    SentMail,
    StoredPlace,
)
from tests.chaos.run.system import ChaosSystem
from tests.local.running import CHECKOUT
from tests.support.eventually import eventually

TEXTS = {
    StoredPlace.INTAKE_TICKETS: ("intake", "select subject from tickets"),
    StoredPlace.DESK_TICKETS: ("assignment", "select subject from tickets"),
    StoredPlace.INTAKE_MESSAGES: ("intake", "select body from messages"),
    StoredPlace.DESK_MESSAGES: ("assignment", "select body from messages"),
    StoredPlace.DESK_NOTES: ("assignment", "select body from notes"),
}
FILES = "select name, digest from attachments where message_id is not null"
COMMANDS = "select ticket_id::text, type, count(*) from events group by 1, 2"
LEDGER = "select cause, recipient, template, channel, status, message_id, ticket_id::text as ticket_id from deliveries"
UNDER_WAY = {
    "commands": ("assignment", "select count(*) from intents"),
    "events of intake": ("intake", "select count(*) from outbox"),
    "events of the desk": ("assignment", "select count(*) from outbox"),
    "events of notification": ("notification", "select count(*) from outbox"),
    "mails to read": ("intake", "select count(*) from raw_mails where state = 'received'"),
    "mails to send": (
        "notification",
        "select count(*) from deliveries where status in ('waiting', 'queued', 'sending')",
    ),
}
SHOWN = 20
PAGES_LOOKED_AT = 40
QUIET_WITHIN = 240.0
SETTLED_WITHIN = 30.0


async def rows_of(system: ChaosSystem, service: str, query: str) -> list[Any]:
    """What a database answers."""
    connection = await system.database(service)
    try:
        return list(await connection.fetch(query))
    finally:
        await connection.close()


async def until_quiet(system: ChaosSystem, attempts: Sequence[Attempt]) -> dict[str, int]:
    """Waits until nothing is under way any more; returns what still is when patience ends."""
    left: dict[str, int] = {}

    async def is_quiet() -> None:
        for name, (service, query) in UNDER_WAY.items():
            left[name] = int((await rows_of(system, service, query))[0][0])
        assert not any(left.values()), left
        present = await markers_in(system, StoredPlace.DESK_TICKETS)
        waiting = [one for one in attempts if _is_awaited(one) and not present[one.marker]]
        left["tickets on their way to the desk"] = len(waiting)
        assert not waiting, left

    try:
        await eventually(is_quiet, within=QUIET_WITHIN)
    except AssertionError:
        return {name: count for name, count in left.items() if count}
    return {}


def _is_awaited(one: Attempt) -> bool:
    return one.is_acknowledged and one.kind is AttemptKind.TICKET


async def markers_in(system: ChaosSystem, place: StoredPlace) -> Counter[str]:
    """How often each marker is in a place."""
    service, query = TEXTS[place]
    return Counter(marker for (text,) in await rows_of(system, service, query) for marker in MARKER.findall(text))


async def observe(system: ChaosSystem, load: Load, mail_windows: int) -> Observations:
    """Everything that the invariants are judged on."""
    await name_tickets(system, load.attempts)
    found = {place: await markers_in(system, place) for place in TEXTS}
    found[StoredPlace.FILES] = await _files(system)
    ledger = await _settled_ledger(system)
    commands = Counter({(row[0], row[1]): row[2] for row in await rows_of(system, "assignment", COMMANDS)})
    staff = {str(each["email"]) for each in system.description["credentials"]["agents"]}
    staff |= {str(row[0]) for row in await rows_of(system, "assignment", "select email from agents")}
    outside, checks = await _as_others_see_it(load)
    return Observations(
        attempts=load.attempts,
        found=found,
        commands=commands,
        ledger=ledger,
        mails=await asyncio.to_thread(_mails, system.stack.state / "mail"),
        staff=frozenset(staff),
        outside=outside,
        door_checks=checks,
        projection_differences=await _told(system, "read-model", "rebuild", "--check"),
        verdict_differences=await _told(system, "sla", "verify"),
        dead_letters=await _dead_letters(load),
        mail_windows=mail_windows,
    )


async def _settled_ledger(system: ChaosSystem) -> list[LedgerRow]:
    """Every delivery. An SLA that is breached just now is waited for; what does not settle within the time stays so."""
    ledger: list[LedgerRow] = []

    async def is_settled() -> None:
        ledger[:] = [_ledger_row(row) for row in await rows_of(system, "notification", LEDGER)]
        assert not any(row.status in UNSETTLED for row in ledger)

    with suppress(AssertionError):
        await eventually(is_settled, within=SETTLED_WITHIN)
    return ledger


async def name_tickets(system: ChaosSystem, attempts: Sequence[Attempt]) -> None:
    """Gives those from portal and mail the ids of their tickets, which these doors do not tell."""
    ids = {
        marker: str(ticket_id)
        for ticket_id, subject in await rows_of(system, "intake", "select id, subject from tickets")
        for marker in MARKER.findall(subject)
    }
    for one in attempts:
        if one.kind is AttemptKind.TICKET and not one.ticket_id:
            one.ticket_id = ids.get(one.marker, "")


async def _files(system: ChaosSystem) -> Counter[str]:
    """Files that are attached to a message and whose stored bytes are those that were sent."""
    found = Counter[str]()
    stored = await asyncio.to_thread(_stored_digests, system.stack.state / "files")
    for name, digest in await rows_of(system, "intake", FILES):
        for marker in MARKER.findall(name):
            sent = hashlib.sha256(f"trace of {marker}\n".encode() * 400).hexdigest()
            found[marker] += digest == sent and sent in stored
    return found


def _stored_digests(folder: Path) -> set[str]:
    return {hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file()}


def _ledger_row(row: Any) -> LedgerRow:
    values = dict(row)
    return LedgerRow(**values | {"message_id": str(values["message_id"]).strip("<>")})


def _mails(folder: Path) -> list[SentMail]:
    return [_mail(path.read_bytes()) for path in sorted(folder.rglob("*.eml"))]


def _mail(raw: bytes) -> SentMail:
    mail = message_from_bytes(raw, policy=policy.default)
    texts = [part.get_content() for part in mail.walk() if part.get_content_maintype() == "text"]
    texts.append(str(mail["Subject"]))
    to = mail["To"].addresses[0].addr_spec if mail["To"] else ""
    return SentMail(str(mail["Message-ID"]).strip("<>"), to, frozenset(MARKER.findall("\n".join(texts))))


async def _as_others_see_it(load: Load) -> tuple[dict[str, frozenset[str]], list[DoorCheck]]:
    """What is on requesters' pages and in client programs' answers, and what strangers get."""
    outside = {"a page of the portal": frozenset[str](), "an answer of intake's API": frozenset[str]()}
    checks: list[DoorCheck] = []
    intake = load.system.intake
    commented = {one.ticket_id for one in load.attempts if one.kind in PRIVATE}
    known = [ticket for ticket in load.tickets if ticket.access_url and ticket.id in commented]
    limited = await load.system.sign_in("dmitri@everdesk.example")
    async with httpx2.AsyncClient(timeout=20) as http:
        for ticket in known[:PAGES_LOOKED_AT]:
            page = (await http.get(ticket.access_url)).text
            outside["a page of the portal"] |= set(MARKER.findall(page))
            said = str(await intake.all(f"/v1/tickets/{ticket.id}/messages"))
            outside["an answer of intake's API"] |= set(MARKER.findall(said))
            forged = ticket.access_url[:-4] + ("AAAA" if not ticket.access_url.endswith("AAAA") else "BBBB")
            for who, address, token in (
                ("somebody with a forged link", forged, ""),
                ("another client program", f"{intake.base_url}/v1/tickets/{ticket.id}", load.stranger_key),
            ):
                headers = {"Authorization": f"Bearer {token}"} if token else {}
                status = (await http.get(address, headers=headers)).status_code
                checks.append(DoorCheck(who, "a ticket", status, 404))
        visible = {each["id"] for each in await limited.all("/v1/tickets", view="all")}
        for ticket in known[:PAGES_LOOKED_AT]:
            if ticket.id not in visible:
                address = f"{limited.base_url}/v1/tickets/{ticket.id}"
                status = (await http.get(address, headers={"Authorization": f"Bearer {limited.token}"})).status_code
                checks.append(DoorCheck("an agent of another team", "a ticket", status, 404))
    return outside, checks


async def _told(system: ChaosSystem, *command: str) -> list[str]:
    """The lines of a command of the operator, if it says that something differs."""
    status, output = await operator(system, *command)
    return [] if status == 0 else output.splitlines()[:SHOWN] or [f"{command[0]}: exit status {status}"]


async def operator(system: ChaosSystem, *command: str) -> tuple[int, str]:
    """Exit status and output of `everdesk <command>` against this system."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("EVERDESK_")}
    env |= {f"EVERDESK_{name}_PORT": str(port) for name, port in system.stack.ports.items()}
    env["EVERDESK_HOME"] = str(system.stack.state)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.cli", *command),
        cwd=CHECKOUT,
        env=env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


async def _dead_letters(load: Load) -> list[str]:
    letters = await load.system.notification.get("/v1/dead-letters")
    return [f"{one.get('consumer')}: {one.get('subject')}" for one in letters["items"]]
