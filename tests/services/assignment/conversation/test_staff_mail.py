"""Notes and replies that agents send by mail: kept only where the agent may see the ticket."""

from uuid import UUID

import pytest
from sqlalchemy import select

from services.assignment.models import Note
from shared.contracts.base import AgentId, MessageId, TicketId
from shared.contracts.events import AttachmentRef, NoteReceived
from shared.contracts.vocabulary import BodyFormat
from shared.kit.clock import new_id, utc_now
from tests.services.assignment.desk import Desk, Json, agent_id
from tests.support.eventually import eventually

FILE = AttachmentRef(id=UUID(int=7), name="evidence.txt", media_type="text/plain", size=3)


def mail(ticket: Json, agent: UUID, *, is_reply: bool = False) -> NoteReceived:
    return NoteReceived(
        ticket_id=TicketId(UUID(ticket["id"])),
        message_id=MessageId(new_id()),
        agent_id=AgentId(agent),
        body="They called me.",
        body_format=BodyFormat.TEXT,
        attachments=(FILE,),
        is_verified=is_reply,
        is_reply=is_reply,
        received_at=utc_now(),
    )


async def handed_in(desk: Desk, received: NoteReceived, times: int = 1) -> None:
    for number in range(times):
        await desk.publish(received.envelope(f"note-{received.message_id}-{number}", utc_now()))


async def entries(desk: Desk, ticket: Json) -> list[Json]:
    ada = await desk.agent("ada")
    found: list[Json] = (await ada.get(f"/v1/tickets/{ticket['id']}/messages"))["items"]
    return found


async def test_a_mail_becomes_a_note_with_its_files_once_and_changes_nothing_else(desk: Desk) -> None:
    ticket = await desk.ticket_of("bruno")
    received = mail(ticket, agent_id("bruno"))
    await handed_in(desk, received, times=3)

    async def noted() -> Json:
        (note,) = [one for one in await entries(desk, ticket) if one["kind"] == "note"]
        return note

    note = await eventually(noted, 15.0)
    assert (note["id"], note["body"], note["channel"]) == (str(received.message_id), "They called me.", "email")
    assert note["author"]["id"] == str(agent_id("bruno"))
    assert [file["name"] for file in note["attachments"]] == ["evidence.txt"]
    now = await desk.seen(ticket["id"])
    assert {name: now[name] for name in ("status", "revision", "updated_at")} == {
        name: ticket[name] for name in ("status", "revision", "updated_at")
    }


async def test_a_reply_reaches_the_requester_and_stops_the_clock(desk: Desk) -> None:
    ticket = await desk.ticket_of("bruno")
    await handed_in(desk, mail(ticket, agent_id("bruno"), is_reply=True))

    async def answered() -> None:
        last = (await entries(desk, ticket))[-1]
        assert (last["kind"], last["author"]["kind"], last["channel"]) == ("message", "agent", "email")
        seen = await desk.seen(ticket["id"])
        assert seen["first_replied_at"] is not None

    await eventually(answered, 20.0)


@pytest.mark.parametrize("who", ["stranger", "nobody"])
async def test_whoever_may_not_see_the_ticket_writes_nothing(desk: Desk, who: str) -> None:
    ticket = await desk.ticket_of("bruno")
    outsider = await outsider_of(desk) if who == "stranger" else new_id()
    refused, kept = mail(ticket, outsider, is_reply=True), mail(ticket, agent_id("bruno"))
    await handed_in(desk, refused)
    await handed_in(desk, kept)

    async def is_kept() -> None:
        async with desk.database.begin() as session:
            ids = set(await session.scalars(select(Note.id).where(Note.ticket_id == UUID(ticket["id"]))))
        assert ids == {kept.message_id}

    await eventually(is_kept, 15.0)
    assert str(refused.message_id) not in {one["id"] for one in await entries(desk, ticket)}


async def outsider_of(desk: Desk) -> UUID:
    """An agent without a team."""
    ada = await desk.agent("ada")
    made = await ada.post("/v1/agents", {"email": f"{new_id().hex}@everdesk.example", "name": "Out"})
    return UUID(made["id"])
