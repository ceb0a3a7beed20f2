"""A merged ticket: its messages go to the ticket it is part of, whose conversation its requester joins."""

from uuid import UUID

from services.intake.models import Participant
from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import (
    MessagePosted,
    MessageUnclaimed,
    TicketAbsorbed,
    TicketClosed,
    TicketDetached,
    TicketSplit,
)
from shared.contracts.tickets import SYSTEM
from shared.contracts.vocabulary import CloseReason, ParticipantState
from shared.kit.clock import new_id, utc_now
from tests.services.intake.api.test_submitting import announced
from tests.services.intake.commands.test_projection import messages_of
from tests.services.intake.harness import IntakeHarness, Json, after
from tests.support.eventually import eventually


async def merged(intake: IntakeHarness, source: Json, target: Json) -> UUID:
    """Intake hears that one ticket was merged into the other."""
    merge_id = new_id()
    closed = {"status": "closed", "closed_at": utc_now(), "close_reason": CloseReason.DUPLICATE}
    into = {"merged_into": TicketId(UUID(target["id"]))}
    fields = {"reason": CloseReason.DUPLICATE, "cause": "command", "merge_id": merge_id}
    await intake.publish(after(TicketClosed, source, seq=5, details=fields, **closed, **into))
    absorbed = {"source_id": TicketId(UUID(source["id"])), "merge_id": merge_id}
    await intake.publish(after(TicketAbsorbed, target, seq=5, status="open", details=absorbed))

    async def is_known() -> None:
        assert (await intake.stored(source["id"])).merged_into == UUID(target["id"])

    await eventually(is_known)
    return merge_id


async def state_of(intake: IntakeHarness, ticket: Json, email: str) -> ParticipantState | None:
    async with intake.database.begin() as session:
        person = await session.get(Participant, (UUID(ticket["id"]), email))
        return person.state if person else None


async def test_what_comes_for_a_merged_ticket_goes_to_the_other(intake: IntakeHarness) -> None:
    email = f"lee-{new_id().hex[:8]}@bank.example"
    target = await intake.submit()
    source = await intake.submit(requester={"email": email, "name": "Lee Wong"})
    merge_id = await merged(intake, source, target)

    async def has_joined() -> None:
        assert await state_of(intake, target, email) is ParticipantState.JOINED

    await eventually(has_joined)
    async with intake.client() as http:
        view = (await http.get(f"/v1/tickets/{source['id']}")).json()
        assert view["merged_into"] == target["id"]
        answer = await http.post(f"/v1/tickets/{source['id']}/messages", json={"body": "Still down here"})
        assert answer.status_code == 201
    assert [item["body"] for item in await messages_of(intake, target["id"])][1:] == ["Still down here"]
    assert len(await messages_of(intake, source["id"])) == 1
    posted = MessagePosted.of(await announced(intake, f"everdesk.message.posted.v1.{target['id']}"))
    assert (posted.author.email, posted.author.name, posted.was_archived) == (email, "Lee Wong", False)
    detached = {"source_id": TicketId(UUID(source["id"])), "merge_id": merge_id}
    await intake.publish(after(TicketDetached, target, seq=6, status="open", details=detached))

    async def has_left() -> None:
        assert await state_of(intake, target, email) is ParticipantState.REMOVED

    await eventually(has_left)


async def test_a_message_that_crossed_the_merge_goes_to_the_other_once(intake: IntakeHarness) -> None:
    target, source = await intake.submit(), await intake.submit()
    async with intake.client() as http:
        message = (await http.post(f"/v1/tickets/{source['id']}/messages", json={"body": "Any news?"})).json()
    await merged(intake, source, target)
    unclaimed = MessageUnclaimed(
        ticket_id=TicketId(UUID(source["id"])),
        message_id=MessageId(UUID(message["id"])),
        merged_into=TicketId(UUID(target["id"])),
    )
    for event_id in ("crossed-1", "crossed-2"):
        await intake.publish(unclaimed, f"{event_id}-{message['id']}")

    async def is_there() -> None:
        assert [item["body"] for item in await messages_of(intake, target["id"])][1:] == ["Any news?"]

    await eventually(is_there)


async def test_a_message_that_was_split_off_starts_a_ticket_of_its_own(intake: IntakeHarness) -> None:
    old, new = await intake.submit(), new_id()
    async with intake.client() as http:
        message = (await http.post(f"/v1/tickets/{old['id']}/messages", json={"body": "Also: cards"})).json()
    split = TicketSplit(
        ticket_id=TicketId(UUID(old["id"])),
        message_id=MessageId(UUID(message["id"])),
        new_ticket_id=TicketId(new),
        subject="Cards",
        actor=SYSTEM,
        split_at=utc_now(),
    )
    for event_id in ("split-1", "split-2"):
        await intake.publish(split, f"{event_id}-{new}")

    async def is_open() -> Json:
        async with intake.client() as http:
            answer = await http.get(f"/v1/tickets/{new}")
        assert answer.status_code == 200
        view: Json = answer.json()
        return view

    view = await eventually(is_open)
    first = (await messages_of(intake, str(new)))[0]
    assert (view["subject"], view["requester"], first["body"]) == ("Cards", old["requester"], "Also: cards")
    assert view["created_at"] == first["created_at" if "created_at" in first else "received_at"]
    assert len(await messages_of(intake, old["id"])) == 1
