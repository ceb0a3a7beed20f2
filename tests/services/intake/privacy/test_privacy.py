"""Personal data in intake: all of it handed out, all of it erased, nothing kept longer than was decided."""

import io
import json
import zipfile
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import select, update

from services.intake.access.key_scopes import KeyScope
from services.intake.models import (
    Attachment,
    Erasure,
    Message,
    Participant,
    RawMail,
    RawMailState,
    Ticket,
    TimelineEntry,
)
from services.intake.privacy.erasure_job import ErasureJob
from services.intake.privacy.export import Exporter
from services.intake.privacy.requester_erasure import ErasureConfirmation, RequesterEraser
from services.intake.privacy.retention import Retention
from services.intake.privacy.subject_data import find_email, find_subject_data
from services.intake.settings import RetentionPolicy
from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import Author, MessagePosted, MessageUnclaimed, TicketArchived, TicketClosed
from shared.contracts.vocabulary import ActorKind, BodyFormat, Channel, ParticipantState
from shared.kit.auth import TicketLink, TicketLinks
from shared.kit.bus import StreamEraser
from shared.kit.clock import new_id, utc_now
from shared.kit.http.problems import Problem
from shared.kit.requester_ids import RequesterIds
from tests.services.intake.attachments.test_attachments import send, storage_of
from tests.services.intake.harness import IntakeHarness, Json, after
from tests.support.database_search import tables_naming
from tests.support.eventually import eventually

SECRET = "My account number is 4711-0815."


class Person:
    """Somebody with an address of their own, and what they write."""

    def __init__(self) -> None:
        self.name = f"Zenobia-{new_id().hex[-8:]}"
        self.email = f"{self.name}@Bank.example"
        self.marker = f"{SECRET} {new_id().hex}"

    @property
    def words(self) -> tuple[str, ...]:
        """What must be found nowhere once they are erased."""
        return self.name, self.email, self.marker.rpartition(" ")[2]

    async def writes(self, intake: IntakeHarness, **changes: Any) -> Json:
        """A ticket with a file, a stored answer, and a field."""
        async with intake.client() as http:
            file = await send(http, self.marker.encode(), f"{self.name}.txt")
            return await intake.submit(
                requester={"email": self.email, "name": self.name, "phone": "+49 30 123"},
                subject=f"Subject of {self.name}",
                body=self.marker,
                attachments=[file["id"]],
                fields={"account": self.marker},
                **changes,
            )


@pytest.fixture
def person() -> Person:
    return Person()


def eraser_of(intake: IntakeHarness) -> RequesterEraser:
    state = intake.app.state.app_state
    return RequesterEraser(intake.database, state.tickets, TicketLinks(intake.settings), RequesterIds(intake.settings))


async def erase(intake: IntakeHarness, person: Person, tickets: int) -> None:
    await eraser_of(intake).erase(person.email, ErasureConfirmation(tickets))


async def closed(intake: IntakeHarness, ticket: Mapping[str, Any]) -> None:
    """The ticket, closed and archived as its workflow would say."""
    details = {"reason": "resolved", "cause": "command"}
    await intake.publish(after(TicketClosed, ticket, seq=5, details=details, status="closed", closed_at=utc_now()))
    await intake.publish(after(TicketArchived, ticket, seq=6, status="closed", closed_at=utc_now(), is_archived=True))

    async def is_archived() -> None:
        assert (await intake.stored(ticket["id"])).is_archived

    await eventually(is_archived)


def answer(ticket_id: str, body: str) -> MessagePosted:
    return MessagePosted(
        ticket_id=TicketId(UUID(ticket_id)),
        message_id=MessageId(new_id()),
        author=Author(kind=ActorKind.AGENT, id=new_id(), name="Ada"),
        body=body,
        body_format=BodyFormat.TEXT,
        channel=Channel.API,
        received_at=utc_now(),
    )


async def messages(intake: IntakeHarness, ticket_id: str) -> list[Message]:
    async with intake.database.begin() as session:
        return list(await session.scalars(select(Message).where(Message.ticket_id == UUID(ticket_id))))


async def test_an_export_holds_all_that_was_written_and_sent(intake: IntakeHarness, person: Person) -> None:
    ticket = await person.writes(intake)
    await intake.publish(answer(ticket["id"], f"Dear {person.name}, it works again."))

    async def is_answered() -> None:
        assert len(await messages(intake, ticket["id"])) == 2

    await eventually(is_answered)
    async with intake.database.begin() as session:
        holdings = await find_subject_data(session, RequesterIds(intake.settings), person.email.upper())
    exporter = Exporter(
        intake.database, storage_of(intake), intake.app.state.app_state.pages, intake.app.state.app_state.renderer
    )
    archive = zipfile.ZipFile(io.BytesIO(b"".join([piece async for piece in exporter.stream(holdings)])))
    assert archive.testzip() is None
    folder = f"tickets/{ticket['number']}"
    about = json.loads(archive.read(f"{folder}/ticket.json"))
    assert about["fields"] == {"account": person.marker}
    assert about["requester_phone"] == "+49 30 123"
    bodies = [one["body"] for one in json.loads(archive.read(f"{folder}/messages-001.json"))]
    assert bodies == [person.marker, f"Dear {person.name}, it works again."]
    (file,) = about["files"]
    assert archive.read(f"{folder}/{file['place']}") == person.marker.encode()
    assert person.marker in archive.read(f"{folder}/page-001.html").decode()
    assert f"{folder}/page-001.html" in archive.read("index.html").decode()


async def test_an_erased_requester_is_found_nowhere_in_intake(intake: IntakeHarness, person: Person) -> None:
    async with intake.client() as http:
        http.headers["Idempotency-Key"] = str(new_id())
        first = await person.writes(intake)
        submission = {"requester": {"email": person.email, "name": person.name}, "subject": "x", "body": person.marker}
        second = (await http.post("/v1/tickets", json=submission)).json()
    other = await Person().writes(intake, cc=[person.email.lower()])
    await take_part(intake, person, other["id"])
    await add_mail(intake, person, first["id"])
    for ticket in (first, second):
        await closed(intake, ticket)
    assert await tables_naming(intake.database.engine, person.words)

    await erase(intake, person, 2)

    async def is_gone() -> None:
        assert await tables_naming(intake.database.engine, person.words) == {}

    await eventually(is_gone)
    ticket = await intake.stored(first["id"])
    assert (ticket.number, ticket.subject, ticket.status) == (first["number"], "[erased]", "closed")
    kept = await messages(intake, other["id"])
    assert sorted(one.body == "[erased]" for one in kept) == [False, True], "the other's own words stay"


async def take_part(intake: IntakeHarness, person: Person, ticket_id: str) -> None:
    """Somebody in copy, who joined and writes."""
    async with intake.database.begin() as session:
        values = {"email": person.email.lower(), "name": person.name, "state": ParticipantState.JOINED}
        await session.merge(Participant(ticket_id=UUID(ticket_id), **values))
        session.add(
            Message(
                id=new_id(),
                ticket_id=UUID(ticket_id),
                author_kind=ActorKind.REQUESTER,
                author_name=person.name,
                author_email=person.email,
                body=person.marker,
                body_format=BodyFormat.TEXT,
                channel=Channel.EMAIL,
                received_at=utc_now(),
                is_automatic=False,
            )
        )


async def add_mail(intake: IntakeHarness, person: Person, ticket_id: str | None, **changes: Any) -> UUID:
    async def content() -> Any:
        yield f"From: {person.email}\n\n{person.marker}".encode()

    stored = await storage_of(intake).put(content())
    values = {
        "id": new_id(),
        "identity": new_id().hex,
        "digest": stored.digest,
        "size": stored.size,
        "source": "smtp",
        "sender": person.email,
        "recipients": ["support@everdesk.example"],
        "received_at": utc_now(),
        "state": RawMailState.DONE,
        "ticket_id": UUID(ticket_id) if ticket_id else None,
    }
    async with intake.database.begin() as session:
        mail = RawMail(**(values | changes))
        session.add(mail)
    return mail.id


async def test_a_wrong_number_of_tickets_erases_nothing(intake: IntakeHarness, person: Person) -> None:
    await closed(intake, await person.writes(intake))
    with pytest.raises(Problem) as refused:
        await erase(intake, person, 2)
    assert refused.value.code == "wrong_number_of_tickets"
    assert await tables_naming(intake.database.engine, person.words)


async def test_open_tickets_are_refused_unless_they_may_be_closed(intake: IntakeHarness, person: Person) -> None:
    await person.writes(intake)
    with pytest.raises(Problem) as refused:
        await erase(intake, person, 1)
    assert refused.value.code == "tickets_open"


async def test_nothing_late_brings_an_erased_requester_back(intake: IntakeHarness, person: Person) -> None:
    ticket = await person.writes(intake)
    written = (await messages(intake, ticket["id"]))[0].id
    await closed(intake, ticket)
    await erase(intake, person, 1)
    count = await intake.count("tickets")
    await intake.publish(answer(ticket["id"], person.marker))
    unclaimed = MessageUnclaimed(ticket_id=TicketId(UUID(ticket["id"])), message_id=MessageId(written))
    await intake.publish(unclaimed)
    sentinel = await intake.submit()
    await closed(intake, sentinel)
    assert await intake.count("tickets") == count + 1, "no follow-up of an erased ticket"
    assert [one.body for one in await messages(intake, ticket["id"])] == ["[erased]"]
    async with intake.client() as http:
        answered = await http.post(f"/v1/tickets/{ticket['id']}/messages", json={"body": person.marker})
        assert (answered.status_code, answered.json()["code"]) == (410, "ticket_erased")
    async with intake.browser() as http:
        link = TicketLink(TicketId(UUID(ticket["id"])), person.email)
        assert (await http.get(f"/t/{TicketLinks(intake.settings).token(link)}")).status_code == 404


async def test_the_stream_and_the_store_are_cleared_once_everybody_knows(intake: IntakeHarness, person: Person) -> None:
    ticket = await person.writes(intake)
    async with intake.database.begin() as session:
        digest = (
            await session.scalars(select(Attachment.digest).where(Attachment.ticket_id == UUID(ticket["id"])))
        ).one()
    await closed(intake, ticket)
    await erase(intake, person, 1)
    ids = RequesterIds(intake.settings)
    async with intake.database.begin() as session:
        past = utc_now() - timedelta(minutes=5)
        await session.execute(
            update(Erasure).where(Erasure.requester_id == ids.of(person.email)).values(erased_at=past)
        )
    clearing = ErasureJob(intake.database, StreamEraser(intake.bus), storage_of(intake), ids)
    stream = StreamEraser(intake.bus)
    subject = f"everdesk.ticket.submitted.v1.{ticket['id']}"

    async def is_cleared() -> None:
        await clearing.finish_erasures()
        assert await stream.position_of(subject) is None
        assert await stream.position_of(f"everdesk.ticket.closed.v1.{ticket['id']}") is not None

    await eventually(is_cleared, within=15)
    assert await storage_of(intake).has(digest), "it was written a moment ago: it is left for the next round"


async def test_bytes_that_somebody_else_sent_too_stay(intake: IntakeHarness, person: Person) -> None:
    await closed(intake, await person.writes(intake))
    async with intake.client() as http:
        again = await send(http, person.marker.encode(), "mine.txt")
    await erase(intake, person, 1)
    assert await storage_of(intake).has(again["sha256"])


async def test_the_id_of_a_requester_leads_to_the_address_only_here(intake: IntakeHarness, person: Person) -> None:
    await person.writes(intake)
    ids = RequesterIds(intake.settings)
    async with intake.database.begin() as session:
        assert await find_email(session, ids, ids.of(person.email)) == person.email.lower()
        with pytest.raises(Problem):
            await find_email(session, ids, new_id())


async def test_words_of_old_tickets_are_kept_no_longer_than_decided(intake: IntakeHarness, person: Person) -> None:
    old, young = await person.writes(intake), await person.writes(intake)
    for ticket in (old, young):
        await closed(intake, ticket)
    async with intake.database.begin() as session:
        long_ago = utc_now() - timedelta(days=400)
        await session.execute(update(Ticket).where(Ticket.id == UUID(old["id"])).values(updated_at=long_ago))
    retention = Retention(intake.database, TicketLinks(intake.settings), RetentionPolicy(timedelta(days=365), None))
    assert await retention.delete_expired() == 1
    assert (await intake.stored(old["id"])).subject == "[erased]"
    assert (await intake.stored(young["id"])).subject == f"Subject of {person.name}"
    async with intake.database.begin() as session:
        steps = select(TimelineEntry.kind).where(TimelineEntry.ticket_id == UUID(old["id"]))
        assert "closed" in set(await session.scalars(steps)), "what happened, and when, stays"
    assert (
        await Retention(intake.database, TicketLinks(intake.settings), RetentionPolicy(None, None)).delete_expired()
        == 0
    )


async def test_raw_mails_are_kept_no_longer_than_decided(intake: IntakeHarness, person: Person) -> None:
    ticket = await person.writes(intake)
    long_ago = utc_now() - timedelta(days=100)
    old = await add_mail(intake, person, ticket["id"], received_at=long_ago)
    unread = await add_mail(intake, person, None, received_at=long_ago, state=RawMailState.RECEIVED)
    young = await add_mail(intake, person, ticket["id"])
    await Retention(
        intake.database, TicketLinks(intake.settings), RetentionPolicy(None, timedelta(days=90))
    ).delete_expired()
    async with intake.database.begin() as session:
        left = set(await session.scalars(select(RawMail.id).where(RawMail.id.in_((old, unread, young)))))
        await session.execute(update(RawMail).where(RawMail.id == unread).values(state=RawMailState.DONE))
    assert left == {unread, young}, "one that still waits is no copy of anything"


@pytest.fixture
async def admin(intake: IntakeHarness) -> httpx2.AsyncClient:
    return intake.client(await intake.make_key(KeyScope.ADMIN))
