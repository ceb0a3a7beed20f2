"""A requester is exported and erased: afterwards nothing the system keeps, wherever it keeps it, says who it was."""

import asyncio
import json
import os
import sys
import zipfile
from collections.abc import AsyncIterator, Iterator
from email.message import EmailMessage
from functools import partial
from pathlib import Path

import aiosmtplib
import pytest
from nats.js.errors import NotFoundError
from sqlalchemy.ext.asyncio import create_async_engine

from deploy.cli.environment import bus_settings, database_url
from deploy.cli.read_only_bus import connected
from deploy.local.plan import SERVICES
from shared.contracts.base import TicketId
from shared.contracts.events import Envelope
from shared.contracts.names import DEAD_STREAM, STREAM
from shared.kit.bus import Bus
from shared.kit.clock import new_id
from shared.kit.tickets import Tickets
from tests.local.running import LocalStack
from tests.support.api import Api, Json, SystemClients
from tests.support.database_search import disguises, tables_naming
from tests.support.eventually import eventually

NAME = f"Zenobia{new_id().hex[-8:]}"
EMAIL = f"{NAME.lower()}@bank.example"
MARKER = f"marker{new_id().hex}"
WORDS = (NAME, EMAIL, MARKER)
NOT_OURS = ("mail", "postgres")
"""The mailboxes of others, and the database's own files: PostgreSQL overwrites dead rows when it vacuums."""


@pytest.fixture
def system(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> SystemClients:
    monkeypatch.setenv("EVERDESK_HOME", str(stack.state))
    return SystemClients(stack.described())


async def everdesk(*arguments: str) -> str:
    """What the operators' command says. It must succeed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.cli", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=dict(os.environ),
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


async def upload(intake: Api, content: bytes) -> str:
    answer = await intake.client.post(
        f"{intake.base_url}/v1/attachments",
        files={"file": (f"{NAME}.txt", content, "text/plain")},
        headers={"Authorization": f"Bearer {intake.token}"},
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def worked_on(system: SystemClients, ada: Api) -> list[Json]:
    """Two tickets of one requester, the first answered and solved, with notes; and another's with them in copy."""
    file = await upload(system.intake, f"{MARKER} in a file".encode())
    person = {"email": EMAIL, "name": NAME, "phone": "+49 30 1234567"}
    first = await system.submit(f"About {NAME}", EMAIL, body=MARKER, requester=person, attachments=[file])
    second = await system.submit(f"{MARKER} again", EMAIL, body=f"I am {NAME}.", requester=person)
    await system.submit("Of somebody else", "other@bank.example", cc=[EMAIL])
    path = f"/v1/tickets/{first['id']}"
    await eventually(partial(ada.post, f"{path}/notes", {"body": f"Note on {NAME}: {MARKER}"}), within=20)
    await ada.post(f"{path}/replies", {"body": f"Dear {NAME}, {MARKER}"})
    await system.intake.post(f"{path}/messages", {"body": f"Thanks! {MARKER}"})

    async def the_thanks_are_known() -> None:
        clocks = (await ada.get(path))["sla"]["clocks"]
        assert "next_response" in {clock["metric"] for clock in clocks}

    await eventually(the_thanks_are_known, within=30)
    await ada.post(f"{path}/resolve", {"comment": f"{MARKER} was it."})
    await ada.post(f"{path}/close", {"reason": "resolved"})

    async def mails_have_gone() -> None:
        subjects = [mail["Subject"] for mail in await system.mails_to(EMAIL)]
        assert len(subjects) >= 5, subjects

    await eventually(mails_have_gone, within=30)
    return [first, second]


async def written_to_beside(stack: LocalStack, system: SystemClients, ada: Api) -> None:
    """A ticket of somebody else, beside which an agent wrote to them and they answered."""
    ticket = await system.submit("Of somebody else, too", "other@bank.example")
    path, subject = f"/v1/tickets/{ticket['id']}/side-conversations", f"Beside: {MARKER}"
    question = {"to": EMAIL, "subject": subject, "body": f"{NAME}, is it down?"}
    made = await eventually(partial(ada.post, path, question), within=20)

    async def asked() -> Json:
        (mail,) = [mail for mail in await system.mails_to(EMAIL) if subject in mail["Subject"]]
        return mail

    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = f"{NAME} <{EMAIL}>", "support@everdesk.example", "Re: the line"
    mail["Message-ID"] = f"<{new_id()}@bank.example>"
    mail["In-Reply-To"] = f"<{(await eventually(asked, within=30))['MessageID']}>"
    mail.set_content(f"It is: {MARKER}")
    mail.add_attachment(f"{MARKER} beside".encode(), maintype="text", subtype="plain", filename=f"{NAME}.txt")
    await aiosmtplib.send(mail, hostname="127.0.0.1", port=stack.described()["ports"]["mail_in"], start_tls=False)

    async def answered() -> None:
        assert len((await ada.get(f"{path}/{made['id']}"))["messages"]) == 2

    await eventually(answered, within=30)


async def in_streams(bus: Bus) -> AsyncIterator[tuple[str, bytes, int]]:
    """Everything JetStream would deliver: subject, headers with body, and position."""
    js = await bus.jetstream()
    for stream in (STREAM, DEAD_STREAM):
        position = 1
        while True:
            try:
                message = await js.get_msg(stream, seq=position, subject=">", next=True)
            except NotFoundError:
                break
            assert message.seq
            yield f"{stream} {message.subject}", repr(message.headers).encode() + (message.data or b""), message.seq
            position = message.seq + 1


def in_files(state: Path) -> Iterator[tuple[str, bytes]]:
    """Everything on the disk that is ours: files, logs, streams, Temporal's database, secrets."""
    for path in state.rglob("*"):
        if path.is_file() and path.relative_to(state).parts[0] not in NOT_OURS:
            yield str(path.relative_to(state)), path.read_bytes()


def names_them(content: bytes) -> bool:
    lower = content.lower()
    return any(disguise.encode() in lower for word in WORDS for disguise in disguises(word))


async def traces_in_databases() -> dict[str, dict[str, list[str]]]:
    found = {}
    for service in SERVICES:
        engine = create_async_engine(database_url(service))
        if tables := await tables_naming(engine, WORDS):
            found[service] = tables
        await engine.dispose()
    return found


def no_file_is_left(stack: LocalStack) -> None:
    """They go last, half a minute after they were sent; to look everywhere meanwhile would keep the machine busy."""
    sent = [path for path in (stack.state / "files").rglob("*") if path.is_file()]
    assert [path for path in sent if names_them(path.read_bytes())] == []


async def nothing_is_left(stack: LocalStack, bus: Bus) -> None:
    assert await traces_in_databases() == {}
    assert [where async for where, content, _ in in_streams(bus) if names_them(content)] == []
    files = await asyncio.to_thread(lambda: [name for name, content in in_files(stack.state) if names_them(content)])
    assert files == []


async def told_on_the_bus(bus: Bus, ticket_id: str) -> list[Envelope]:
    """The events that carry what people wrote on a ticket, as they were."""
    return [
        Envelope.model_validate_json(content[content.index(b'{"specversion') :])
        async for where, content, _ in in_streams(bus)
        if where.endswith(ticket_id) and names_them(content)
    ]


async def histories_say_nothing(tickets: list[Json]) -> None:
    client = (await Tickets.connect(bus_settings())).client
    for ticket in tickets:
        history = await client.get_workflow_handle(f"ticket-{TicketId(ticket['id'])}").fetch_history()
        assert not names_them(json.dumps(history.to_json_dict()).encode())


async def test_a_requester_is_handed_everything_and_then_forgotten(
    stack: LocalStack, system: SystemClients, tmp_path: Path
) -> None:
    ada = await system.sign_in("ada@everdesk.example")
    tickets = await worked_on(system, ada)
    await written_to_beside(stack, system, ada)
    settled = await ada.get(f"/v1/tickets/{tickets[0]['id']}")
    assert "tickets    2" in await everdesk("requester", "find", EMAIL.upper())

    async def is_known_as_a_third_party() -> None:
        assert "third party on 1 tickets of others" in await everdesk("requester", "find", EMAIL)

    await eventually(is_known_as_a_third_party, within=30)

    await everdesk("requester", "export", EMAIL, str(tmp_path / "all.zip"))
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        handed_out = b"".join(archive.read(name) for name in archive.namelist())
        beside = [name for name in archive.namelist() if name.startswith("third-party-on/")]
    assert handed_out.count(MARKER.encode()) >= 6
    assert sorted(name.rpartition(".")[2] for name in beside) == ["eml", "txt"], "their answer and its file"
    assert b"Note on" not in handed_out, "notes are the agents' own"

    async with connected() as bus:
        assert set(await traces_in_databases()) == set(SERVICES), "the search finds what is there"
        places = {Path(name).parts[0] for name, content in in_files(stack.state) if names_them(content)}
        assert places == {"nats", "files"}, "logs and Temporal never hear of it"
        told = await told_on_the_bus(bus, tickets[0]["id"])
        assert len(told) >= 3, "the submission, a message and the reply; notes are sent only to outsiders who ask"
        assert "erased" in await everdesk("requester", "erase", EMAIL, "--tickets", "2", "--close-open")
        await eventually(partial(no_file_is_left, stack), within=90)
        await eventually(partial(nothing_is_left, stack, bus), within=90)

        await bus.publish_all([event.model_copy(update={"id": str(new_id())}) for event in told])
        later = await system.submit("A sentinel", "sentinel@bank.example")
        await eventually(partial(ada.get, f"/v1/tickets/{later['id']}"), within=20)
        assert await traces_in_databases() == {}, "what is replayed brings nobody back"

    seen = await ada.get(f"/v1/tickets/{tickets[0]['id']}")
    assert seen["subject"] == "[erased]"
    assert seen["sla"] == settled["sla"]
    assert ": 0 differ, 0 tickets cannot be verified" in await everdesk("sla", "verify")
    await histories_say_nothing(tickets)
