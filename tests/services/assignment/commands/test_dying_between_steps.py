"""A process that dies between any two steps of a command, a triage or a message loses nothing and doubles nothing."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import cast
from uuid import UUID

import pytest
from nats.errors import TimeoutError as NothingMore
from sqlalchemy import func, select, update

from services.assignment.app_state import AppState
from services.assignment.commands.execution import command_request
from services.assignment.commands.execution.intent_recovery import resend_left_behind
from services.assignment.commands.tickets import triage
from services.assignment.consumers.triage import on_tickets_submitted
from services.assignment.models import Intent, LoggedEvent, Message, Note, SettledClock
from services.assignment.models import Ticket as TicketRow
from shared.contracts.answers import CommandAnswer
from shared.contracts.base import MessageId, TicketId
from shared.contracts.commands import Command, MessageFact, OpenTicket
from shared.contracts.events import Author, Envelope, MessagePosted, TicketSubmitted
from shared.contracts.vocabulary import ActorKind, BodyFormat, Channel
from shared.kit.bus import Bus
from shared.kit.clock import new_id, utc_now
from shared.kit.db import Database
from shared.kit.outbox_row import OutboxRow
from shared.kit.tickets import Tickets
from tests.services.assignment.desk import Desk, Json
from tests.services.assignment.routing.test_triage import forget, submitted
from tests.support.eventually import eventually
from workflows.consumer import TicketEventConsumer


class Died(BaseException):
    """The process ended here."""


class Mortal(Tickets):
    """The way to the workflows of a process that dies before or after it is used."""

    def __init__(self, tickets: Tickets, *, before: bool) -> None:
        super().__init__(tickets.client)
        self.before = before

    async def execute(self, ticket_id: TicketId, command: Command) -> CommandAnswer:
        return await self._dying(lambda: Tickets.execute(self, ticket_id, command))

    async def open_and_execute(self, ticket: OpenTicket, command: Command) -> CommandAnswer:
        return await self._dying(lambda: Tickets.open_and_execute(self, ticket, command))

    async def record_message(self, ticket_id: TicketId, fact: MessageFact) -> CommandAnswer:
        return await self._dying(lambda: Tickets.record_message(self, ticket_id, fact))

    async def _dying(self, call: Callable[[], Awaitable[CommandAnswer]]) -> CommandAnswer:
        if not self.before:
            await call()
        raise Died


class DyingDatabase(Database):
    """Announces what was committed, which is where the process ends."""

    async def announce(self, rows: Sequence[OutboxRow]) -> None:
        raise Died


class DyingBus:
    """Publishes, or does not, and is the last the process did."""

    def __init__(self, bus: Bus, *, before: bool) -> None:
        self.bus, self.before = bus, before

    async def publish_all(self, envelopes: tuple[Envelope, ...]) -> None:
        if not self.before:
            await self.bus.publish_all(envelopes)
        raise Died


@contextmanager
def dying(desk: Desk, step: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[AppState]:
    """The service as it is in a process that ends at a step."""
    context = desk.context
    mortal = context
    if step in ("before it is sent", "after it was sent"):
        mortal = replace(context, tickets=Mortal(context.tickets, before=step.startswith("before")))
    with monkeypatch.context() as patch:
        if step == "before the answer is committed":
            patch.setattr(command_request, "conclude", dies_before)
            patch.setattr(command_request, "conclude_within", dies_before)
            patch.setattr(triage, "record_answers", dies_before)
        if step == "after the answer was committed":
            mortal = replace(context, database=DyingDatabase(context.database.engine))
        desk.app.state.app_state = mortal
        try:
            yield mortal
        finally:
            desk.app.state.app_state = context


async def dies_before(*_arguments: object) -> None:
    raise Died


STEPS = [
    "before it is sent",
    "after it was sent",
    "before the answer is committed",
    "after the answer was committed",
]
COMMANDS: list[tuple[str, Json]] = [
    ("pend", {"comment": "Waiting."}),
    ("replies", {"body": "We are on it."}),
    ("resolve", {}),
]


async def in_the_stream(desk: Desk, ticket_id: object) -> list[str]:
    """The ids of all events of a ticket that were published."""
    js = await desk.bus.jetstream()
    reader = await js.subscribe(f"everdesk.*.*.v1.{ticket_id}", ordered_consumer=True)
    found: list[str] = []
    try:
        while True:
            found.append(Envelope.model_validate_json((await reader.next_msg(timeout=0.3)).data).id)
    except NothingMore:
        return found
    finally:
        await reader.unsubscribe()


async def check_whole(desk: Desk, ticket_id: UUID | str) -> Json:
    """Every step of the ticket's life is in the log once and in the stream once, and the read model is the last."""
    key = UUID(str(ticket_id))

    async def is_whole() -> int:
        async with desk.database.begin() as session:
            seqs = await session.scalars(
                select(LoggedEvent.seq)
                .where(LoggedEvent.ticket_id == key, LoggedEvent.seq > 0)
                .order_by(LoggedEvent.seq)
            )
            known = await session.scalar(select(TicketRow.seq).where(TicketRow.id == key))
        logged = list(seqs)
        assert logged == list(range(1, len(logged) + 1))
        assert known == len(logged) == snapshot["seq"]
        return len(logged)

    snapshot: Json = await desk.context.tickets.client.get_workflow_handle(f"ticket-{ticket_id}").query("snapshot")
    count = await eventually(is_whole)

    async def is_published() -> None:
        ids = await in_the_stream(desk, ticket_id)
        assert len(ids) == len(set(ids))
        assert {one for one in ids if one.startswith("ticket-")} == {
            f"ticket-{ticket_id}:{seq}" for seq in range(1, count + 1)
        }

    await eventually(is_published, within=30)
    return await desk.seen(ticket_id)


async def let_claims_run_out(desk: Desk, ticket_id: str) -> None:
    async with desk.database.begin() as session:
        await session.execute(update(Intent).where(Intent.ticket_id == ticket_id).values(claimed_until=utc_now()))


async def count_of(desk: Desk, model: type[Message | Note | SettledClock | Intent], ticket_id: str) -> int:
    async with desk.database.begin() as session:
        query = select(func.count()).select_from(model).where(model.ticket_id == UUID(ticket_id))
        return int(await session.scalar(query) or 0)


async def has_messages(desk: Desk, ticket_id: str, count: int) -> bool:
    return await count_of(desk, Message, ticket_id) == count


@pytest.mark.parametrize(("action", "body"), COMMANDS)
@pytest.mark.parametrize("step", STEPS)
async def test_a_command_takes_effect_once_and_its_retry_gets_one_answer(
    desk: Desk, step: str, action: str, body: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket, ada, key = await desk.ticket(), await desk.agent("ada"), str(new_id())
    path = f"/v1/tickets/{ticket['id']}/{action}"
    with dying(desk, step, monkeypatch), pytest.raises(Died):
        await ada.post(path, body, Idempotency_Key=key)
    await let_claims_run_out(desk, ticket["id"])
    first = await ada.post(path, body, Idempotency_Key=key)
    assert await ada.post(path, body, Idempotency_Key=key) == first
    assert first["revision"] == ticket["revision"] + 1
    assert await count_of(desk, Intent, ticket["id"]) == 0
    words = 1 + (action == "replies")
    await eventually(lambda: has_messages(desk, ticket["id"], words))
    assert await count_of(desk, Note, ticket["id"]) == ("comment" in body)
    assert (await check_whole(desk, ticket["id"]))["revision"] == first["revision"]


@pytest.mark.parametrize(("action", "body"), COMMANDS)
@pytest.mark.parametrize("step", STEPS[:3])
async def test_what_nobody_sends_again_is_carried_out_by_the_next_process(
    desk: Desk, step: str, action: str, body: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticket, ada = await desk.ticket(), await desk.agent("ada")
    with dying(desk, step, monkeypatch), pytest.raises(Died):
        await ada.post(f"/v1/tickets/{ticket['id']}/{action}", body)
    await let_claims_run_out(desk, ticket["id"])

    async def is_settled() -> bool:
        await resend_left_behind(desk.context)
        return await count_of(desk, Intent, ticket["id"]) == 0

    await eventually(is_settled)
    assert await count_of(desk, Note, ticket["id"]) == ("comment" in body)
    assert (await check_whole(desk, ticket["id"]))["revision"] == ticket["revision"] + 1


@pytest.mark.parametrize("step", STEPS)
async def test_a_ticket_is_opened_and_triaged_once(desk: Desk, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    event = submitted()
    await desk.some_ticket()
    try:
        with dying(desk, step, monkeypatch) as mortal, pytest.raises(Died):
            await on_tickets_submitted(mortal, [wrapped(event)])
        for _ in range(2):
            await on_tickets_submitted(desk.context, [wrapped(event)])
        seen = await check_whole(desk, event.ticket_id)
        assert (seen["revision"], seen["status"]) == (1, "open")
    finally:
        await forget(desk, [event])


async def test_what_follows_does_not_hide_that_a_triage_was_never_written_down(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next event tells that the ticket is triaged, but only the triage's own answer holds its first events."""
    event = submitted()
    await desk.some_ticket()
    try:
        with dying(desk, "after it was sent", monkeypatch) as mortal, pytest.raises(Died):
            await on_tickets_submitted(mortal, [wrapped(event)])
        await TicketEventConsumer(desk.context.tickets, desk.bus).deliver([message_on(event.ticket_id)])
        await eventually(lambda: is_known(desk, event.ticket_id))
        await on_tickets_submitted(desk.context, [wrapped(event)])
        await check_whole(desk, event.ticket_id)
    finally:
        await forget(desk, [event])


async def is_known(desk: Desk, ticket_id: TicketId) -> bool:
    async with desk.database.begin() as session:
        return bool(await session.scalar(select(TicketRow.seq).where(TicketRow.id == ticket_id)))


def wrapped(event: TicketSubmitted) -> Envelope:
    return event.envelope(f"submitted:{event.ticket_id}", event.received_at)


def message_on(ticket_id: TicketId) -> Envelope:
    return MessagePosted(
        ticket_id=ticket_id,
        message_id=MessageId(new_id()),
        author=Author(kind=ActorKind.REQUESTER, name="Dana Ruiz", email="dana@bank.example"),
        body="Still down for me.",
        body_format=BodyFormat.TEXT,
        channel=Channel.EMAIL,
        received_at=utc_now(),
    ).envelope(f"message:{new_id()}", utc_now())


@pytest.mark.parametrize("step", ["before it is sent", "after it was sent", "before publishing", "after publishing"])
async def test_a_message_counts_once_and_its_events_are_published_once(desk: Desk, step: str) -> None:
    ticket = await desk.ticket()
    posted = message_on(TicketId(UUID(ticket["id"])))
    is_before, tickets, bus = step.startswith("before"), desk.context.tickets, desk.bus
    if step.endswith("publishing"):
        dying_one = TicketEventConsumer(tickets, cast("Bus", DyingBus(bus, before=is_before)))
    else:
        dying_one = TicketEventConsumer(Mortal(tickets, before=is_before), bus)
    with pytest.raises(Died):
        await dying_one.deliver([posted])
    for _ in range(2):
        await TicketEventConsumer(tickets, bus).deliver([posted])
    assert (await check_whole(desk, ticket["id"]))["revision"] == ticket["revision"] + 1
