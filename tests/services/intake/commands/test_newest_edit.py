"""An event that is replayed after newer ones, as dead letters are, undoes nothing of what those said."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.intake.models import Message, Participant
from shared.contracts.base import AgentId, MessageId, TicketId
from shared.contracts.events import (
    Author,
    MessageEdited,
    ParticipantDecided,
    Person,
    TicketAbsorbed,
    TicketDetached,
    TicketEdited,
)
from shared.contracts.tickets import TopicId
from shared.contracts.vocabulary import ActorKind, BodyFormat, ParticipantDecision, ParticipantState
from shared.kit.bus import NotYet
from shared.kit.clock import new_id, utc_now
from tests.services.intake.commands.test_projection import agent_message
from tests.services.intake.event_stream_tools import tell
from tests.services.intake.harness import IntakeHarness, Json, after
from tests.support.eventually import eventually

OLDER = utc_now()
NEWER = OLDER + timedelta(seconds=1)
AGENT = AgentId(new_id())


def edit(ticket: Json, at: datetime, **changes: Any) -> TicketEdited:
    return TicketEdited(ticket_id=TicketId(UUID(ticket["id"])), agent_id=AGENT, edited_at=at, **changes)


def corrected(ticket: Json, message_id: MessageId, version: int) -> MessageEdited:
    return MessageEdited(
        ticket_id=TicketId(UUID(ticket["id"])),
        message_id=message_id,
        agent_id=AGENT,
        body=f"version {version}",
        body_format=BodyFormat.TEXT,
        version=version,
        edited_at=OLDER + timedelta(seconds=version),
    )


def decided(ticket: Json, email: str, decision: ParticipantDecision, at: datetime) -> ParticipantDecided:
    return ParticipantDecided(
        ticket_id=TicketId(UUID(ticket["id"])),
        email=email,
        decision=decision,
        agent=Author(kind=ActorKind.AGENT, id=AGENT, name="Ana Torres"),
        decided_at=at,
    )


async def state_of(intake: IntakeHarness, ticket: Json, email: str) -> ParticipantState | None:
    async with intake.database.begin() as session:
        person = await session.get(Participant, (UUID(ticket["id"]), email))
        return person.state if person else None


PARTS: list[tuple[str, Callable[[str], Any]]] = [
    ("subject", lambda said: said),
    ("topic_id", lambda said: TopicId(UUID(int=len(said)))),
    ("fields", lambda said: {"place": said}),
    ("requester", lambda said: Person(email=f"{said}@bank.example", name=said.title())),
]


@pytest.mark.parametrize(("part", "value"), PARTS, ids=[name for name, _ in PARTS])
async def test_an_older_edit_of_a_ticket_that_comes_late_undoes_no_newer_one(
    intake: IntakeHarness, part: str, value: Callable[[str], Any]
) -> None:
    ticket = await intake.submit()
    await tell(intake, edit(ticket, NEWER, **{part: value("newer")}))
    others = {name: make("of-the-older") for name, make in PARTS if name != part}
    await tell(intake, edit(ticket, OLDER, **{part: value("old")}, **others))
    stored = await intake.stored(ticket["id"])
    seen = {
        "subject": stored.subject,
        "topic_id": stored.topic_id,
        "fields": stored.fields,
        "requester": Person(email=stored.requester_email, name=stored.requester_name),
    }
    assert seen == {part: value("newer"), **others}, "what only the older one says is taken from it"
    await tell(intake, edit(ticket, NEWER + timedelta(seconds=1), subject="The newest"))
    assert (await intake.stored(ticket["id"])).subject == "The newest"


async def test_an_older_correction_of_a_reply_that_comes_late_undoes_no_newer_one(intake: IntakeHarness) -> None:
    ticket = await intake.submit()
    reply = agent_message(ticket)
    await tell(intake, reply)

    async def body() -> str:
        async with intake.database.begin() as session:
            return (await session.get_one(Message, reply.message_id)).body

    await tell(intake, corrected(ticket, reply.message_id, 3))
    await tell(intake, corrected(ticket, reply.message_id, 2))
    assert await body() == "version 3"
    async with intake.database.begin() as session:
        await session.execute(text("update messages set version = null"))
    await tell(intake, corrected(ticket, reply.message_id, 4))
    assert await body() == "version 4", "what was corrected before versions were kept takes the next"


async def test_a_correction_waits_for_the_reply_that_it_corrects(intake: IntakeHarness) -> None:
    ticket = await intake.submit()
    reply = agent_message(ticket)
    with pytest.raises(NotYet):
        await tell(intake, corrected(ticket, reply.message_id, 2))
    await intake.publish(corrected(ticket, reply.message_id, 2))
    await intake.publish(reply)

    async def is_corrected() -> None:
        async with intake.database.begin() as session:
            assert (await session.get_one(Message, reply.message_id)).body == "version 2"

    await eventually(is_corrected)


async def test_a_correction_on_a_ticket_of_nobody_or_an_erased_one_is_skipped(intake: IntakeHarness) -> None:
    await tell(intake, corrected({"id": str(new_id())}, MessageId(new_id()), 2))
    ticket = await intake.submit()
    async with intake.database.begin() as session:
        await session.execute(text("update tickets set erased_at = now() where id = :id"), {"id": UUID(ticket["id"])})
    await tell(intake, corrected(ticket, MessageId(new_id()), 2))


async def test_who_was_removed_from_a_ticket_is_not_brought_back_by_an_older_invitation(
    intake: IntakeHarness,
) -> None:
    ticket, email = await intake.submit(), f"lee-{new_id().hex[:8]}@bank.example"
    await tell(intake, decided(ticket, email, ParticipantDecision.REMOVE, NEWER))
    await tell(intake, decided(ticket, email.upper(), ParticipantDecision.INVITE, OLDER))
    assert await state_of(intake, ticket, email) is None
    await tell(intake, decided(ticket, email, ParticipantDecision.INVITE, NEWER + timedelta(seconds=1)))
    assert await state_of(intake, ticket, email) is ParticipantState.INVITED
    await tell(intake, decided(ticket, email, ParticipantDecision.REMOVE, NEWER))
    assert await state_of(intake, ticket, email) is ParticipantState.INVITED, "nor taken out by an older removal"


async def test_who_left_with_their_ticket_is_not_brought_back_by_its_older_merge(intake: IntakeHarness) -> None:
    email = f"lee-{new_id().hex[:8]}@bank.example"
    target = await intake.submit()
    source = await intake.submit(requester={"email": email, "name": "Lee Wong"})
    details = {"source_id": TicketId(UUID(source["id"])), "merge_id": new_id()}
    merged = after(TicketAbsorbed, target, seq=5, details=details)
    await tell(intake, after(TicketDetached, target, seq=6, details=details))
    await tell(intake, merged)
    assert await state_of(intake, target, email) is None
    await tell(intake, after(TicketAbsorbed, target, seq=7, details=details))
    assert await state_of(intake, target, email) is ParticipantState.JOINED
