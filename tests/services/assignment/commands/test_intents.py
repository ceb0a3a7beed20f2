"""Commands on their way: written down first, sent without a transaction open, sent again exactly as they were."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, select, update

from services.assignment.commands.execution import intents
from services.assignment.commands.execution.intent_recovery import resend_left_behind
from services.assignment.commands.tickets.triage import decide, deliver
from services.assignment.models import Calendar, Intent, Note
from shared.contracts.answers import CommandAnswer
from shared.contracts.base import TicketId
from shared.contracts.commands import Command, OpenTicket
from shared.kit.bus import Unavailable
from shared.kit.clock import new_id, utc_now
from shared.kit.commands_under_way import CommandsUnderWay
from shared.kit.ticket_errors import TicketsOutOfReach, TicketStuck, TicketsUnavailable
from shared.kit.tickets import Tickets
from tests.services.assignment.desk import Desk, Json
from tests.services.assignment.routing.test_triage import forget, submitted
from tests.support.eventually import eventually

Send = Callable[[TicketId, Command], Awaitable[CommandAnswer]]


class Died(BaseException):
    """The process ended here."""


class Through(Tickets):
    """The way to the workflows with something in it."""

    def __init__(self, tickets: Tickets, step: Callable[[Send, TicketId, Command], Awaitable[CommandAnswer]]) -> None:
        super().__init__(tickets.client)
        self._step = step
        self.sent: list[Command] = []

    async def execute(self, ticket_id: TicketId, command: Command) -> CommandAnswer:
        self.sent.append(command)
        return await self._step(super().execute, ticket_id, command)

    async def open_and_execute(self, ticket: OpenTicket, command: Command) -> CommandAnswer:
        self.sent.append(command)
        return await self._step(
            lambda _, asked: Tickets.open_and_execute(self, ticket, asked), ticket.ticket_id, command
        )


@asynccontextmanager
async def through(
    desk: Desk, step: Callable[[Send, TicketId, Command], Awaitable[CommandAnswer]]
) -> AsyncIterator[Through]:
    context = desk.context
    way = Through(context.tickets, step)
    desk.app.state.app_state = replace(context, tickets=way)
    try:
        yield way
    finally:
        desk.app.state.app_state = context


async def dies_after(send: Send, ticket_id: TicketId, command: Command) -> CommandAnswer:
    await send(ticket_id, command)
    raise Died


async def dies_before(_send: Send, _ticket_id: TicketId, _command: Command) -> CommandAnswer:
    raise Died


async def is_away(_send: Send, _ticket_id: TicketId, _command: Command) -> CommandAnswer:
    raise TicketsOutOfReach("away")


async def intents_of(desk: Desk, ticket: Json) -> list[Intent]:
    async with desk.database.begin() as session:
        return list(await session.scalars(select(Intent).where(Intent.ticket_id == ticket["id"])))


async def let_claims_run_out(desk: Desk, ticket: Json) -> None:
    async with desk.database.begin() as session:
        await session.execute(update(Intent).where(Intent.ticket_id == ticket["id"]).values(claimed_until=utc_now()))


async def notes_of(desk: Desk, ticket: Json) -> list[str]:
    async with desk.database.begin() as session:
        return list(await session.scalars(select(Note.body).where(Note.ticket_id == ticket["id"])))


@pytest.mark.parametrize(("action", "body"), [("pend", {}), ("replies", {"body": "We are on it."})])
async def test_no_connection_is_held_while_the_workflow_is_asked(desk: Desk, action: str, body: dict[str, Any]) -> None:
    ticket, ada = await desk.ticket(), await desk.agent("ada")
    """A background job's connection may be in a transaction for a moment; the request's would be until the answer."""
    looked: list[bool] = []

    async def none_is_held() -> bool:
        async with desk.database.connection() as connection:
            idle = await connection.exec_driver_sql(
                "select count(*) from pg_stat_activity where datname = current_database() "
                "and state = 'idle in transaction'"
            )
            return int(idle.scalar_one()) == 0

    async def looks(send: Send, ticket_id: TicketId, command: Command) -> CommandAnswer:
        looked.append(await eventually(none_is_held, within=3))
        return await send(ticket_id, command)

    async with through(desk, looks):
        await ada.post(f"/v1/tickets/{ticket['id']}/{action}", body)
    assert looked == [True]
    assert await intents_of(desk, ticket) == []


async def test_a_command_that_takes_long_stays_its_senders(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    ticket, ada, claims = await desk.ticket(), await desk.agent("ada"), list[Any]()
    monkeypatch.setattr(intents, "LEASE", timedelta(seconds=0.6))
    under_way = CommandsUnderWay()
    beating = asyncio.create_task(intents.renew_leases(desk.database, under_way))

    async def slow(send: Send, ticket_id: TicketId, command: Command) -> CommandAnswer:
        with under_way.holding([command.command_id]):
            (first,) = await intents_of(desk, ticket)
            claims.append(first.claimed_until)
            await eventually(is_renewed, within=5)
        return await send(ticket_id, command)

    async def is_renewed() -> bool:
        (now,) = await intents_of(desk, ticket)
        return bool(now.claimed_until > claims[0] + timedelta(seconds=0.2))

    try:
        async with through(desk, slow):
            await ada.post(f"/v1/tickets/{ticket['id']}/pend", {})
    finally:
        beating.cancel()
    assert await intents_of(desk, ticket) == []


async def test_a_process_that_dies_in_between_leaves_a_command_that_takes_effect_once(desk: Desk) -> None:
    ticket, ada, key = await desk.ticket(), await desk.agent("ada"), str(new_id())
    path = f"/v1/tickets/{ticket['id']}/pend"
    async with through(desk, dies_after):
        with pytest.raises(Died):
            await ada.post(path, {"comment": "Waiting."}, Idempotency_Key=key)
    assert (
        await ada.send("POST", path, json={"comment": "Waiting."}, headers={"Idempotency-Key": key})
    ).status_code == 409
    await let_claims_run_out(desk, ticket)
    first = await ada.post(path, {"comment": "Waiting."}, Idempotency_Key=key)
    assert (first["status"], first["revision"]) == ("pending", ticket["revision"] + 1)
    assert await ada.post(path, {"comment": "Waiting."}, Idempotency_Key=key) == first
    assert await notes_of(desk, ticket) == ["Waiting."]
    assert await intents_of(desk, ticket) == []


@pytest.mark.parametrize("key", [None, "left-behind"])
async def test_what_a_dead_process_left_behind_is_sent_again(desk: Desk, key: str | None) -> None:
    ticket, ada = await desk.ticket(), await desk.agent("ada")
    path, headers = f"/v1/tickets/{ticket['id']}/pend", {"Idempotency-Key": key} if key else {}
    async with through(desk, dies_after):
        with pytest.raises(Died):
            await ada.send("POST", path, json={"comment": "Waiting."}, headers=headers)
    await let_claims_run_out(desk, ticket)
    assert await resend_left_behind(desk.context) == 1
    assert await resend_left_behind(desk.context) == 0
    assert await notes_of(desk, ticket) == ["Waiting."]
    assert len(await intents_of(desk, ticket)) == (1 if key else 0)
    seen = await desk.seen(ticket["id"], status="pending")
    assert seen["revision"] == ticket["revision"] + 1
    if key:
        again = await ada.send("POST", path, json={"comment": "Waiting."}, headers=headers)
        assert again.json()["revision"] == seen["revision"]
        assert await notes_of(desk, ticket) == ["Waiting."]


async def test_one_command_that_fails_unexpectedly_holds_up_no_other(desk: Desk) -> None:
    """Those that are claimed with it came again in the same order, and the first of them failed again."""
    first, second = sorted([await desk.ticket(), await desk.ticket()], key=lambda ticket: str(ticket["id"]))
    ada, broken = await desk.agent("ada"), set[object]()

    async def fails_for_one(send: Send, ticket_id: TicketId, command: Command) -> CommandAnswer:
        if str(ticket_id) in broken:
            raise ValueError("nobody thought of this")
        return await send(ticket_id, command)

    for ticket in (first, second):
        async with through(desk, dies_before):
            with pytest.raises(Died):
                await ada.post(f"/v1/tickets/{ticket['id']}/pend", {})
    async with desk.database.begin() as session:
        waiting = await session.scalars(select(Intent).order_by(Intent.command_id))
        ours = [intent.ticket_id for intent in waiting if str(intent.ticket_id) in (first["id"], second["id"])]
        await session.execute(update(Intent).where(Intent.ticket_id.in_(ours)).values(claimed_until=utc_now()))
    broken.add(str(ours[0]))
    stubborn = replace(desk.context, tickets=Through(desk.context.tickets, fails_for_one))
    await eventually(lambda: resend_left_behind(stubborn))
    assert (await desk.seen(str(ours[1]), status="pending"))["status"] == "pending"
    (left,) = await intents_of(desk, {"id": str(ours[0])})
    assert left.silences == 1


async def test_a_refusal_and_a_silence_without_a_key_leave_nothing_behind(desk: Desk) -> None:
    ticket, ada = await desk.ticket(), await desk.agent("ada")
    path = f"/v1/tickets/{ticket['id']}"
    await ada.post(f"{path}/resume", {}, expect=409, Idempotency_Key=str(new_id()))
    async with through(desk, is_away):
        await ada.post(f"{path}/pend", {}, expect=503)
    assert await intents_of(desk, ticket) == []


async def answer_is_lost(send: Send, ticket_id: TicketId, command: Command) -> CommandAnswer:
    await send(ticket_id, command)
    raise TicketStuck("the workflow did not answer in time")


async def never_arrives(_send: Send, _ticket_id: TicketId, _command: Command) -> CommandAnswer:
    raise TicketsUnavailable("the connection broke")


@pytest.mark.parametrize("key", [None, "lost-answer"])
async def test_a_command_whose_answer_was_lost_is_asked_after_and_its_events_are_told(
    desk: Desk, key: str | None
) -> None:
    ticket, ada = await desk.ticket(), await desk.agent("ada")
    path, headers = f"/v1/tickets/{ticket['id']}/pend", {"Idempotency-Key": key} if key else {}
    async with through(desk, answer_is_lost):
        assert (await ada.send("POST", path, json={"comment": "Waiting."}, headers=headers)).status_code == 503
    await let_claims_run_out(desk, ticket)
    await eventually(lambda: is_settled(desk, ticket))
    seen = await desk.seen(ticket["id"], status="pending")
    assert seen["revision"] == ticket["revision"] + 1
    assert await notes_of(desk, ticket) == ["Waiting."]
    if key:
        again = await ada.send("POST", path, json={"comment": "Waiting."}, headers=headers)
        assert again.json()["revision"] == seen["revision"]
        assert await intents_of(desk, ticket) == []


@pytest.mark.parametrize("key", [None, "never-arrived"])
async def test_a_command_that_never_arrived_is_not_sent_behind_the_agents_back(desk: Desk, key: str | None) -> None:
    ticket, ada = await desk.ticket(), await desk.agent("ada")
    path, headers = f"/v1/tickets/{ticket['id']}/pend", {"Idempotency-Key": key} if key else {}
    async with through(desk, never_arrives):
        assert (await ada.send("POST", path, json={}, headers=headers)).status_code == 503
    await let_claims_run_out(desk, ticket)
    await eventually(lambda: is_settled(desk, ticket))
    assert (await desk.seen(ticket["id"]))["revision"] == ticket["revision"]
    assert len(await intents_of(desk, ticket)) == (1 if key else 0)
    after = await ada.send("POST", path, json={}, headers=headers)
    assert after.json()["status"] == "pending"
    assert await intents_of(desk, ticket) == []


async def is_settled(desk: Desk, ticket: Json) -> bool:
    """Nothing is left that the next process would do."""
    await resend_left_behind(desk.context)
    return all(intent.claimed_until is None for intent in await intents_of(desk, ticket))


COUNTED: ContextVar[list[str] | None] = ContextVar("counted", default=None)


@pytest.mark.parametrize("action", ["pend", "resume", "resolve"])
async def test_a_command_costs_four_statements(desk: Desk, action: str) -> None:
    """The session, the ticket with all that is known of the request, the intent, and everything at the end."""
    ticket, ada = await desk.ticket(), await desk.agent("ada")
    if action == "resume":
        await ada.post(f"/v1/tickets/{ticket['id']}/pend", {})

    def count(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if (counted := COUNTED.get()) is not None:
            counted.append(statement)

    engine = desk.context.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", count)
    token = COUNTED.set([])
    try:
        await ada.post(f"/v1/tickets/{ticket['id']}/{action}", {}, Idempotency_Key=str(new_id()))
        statements = COUNTED.get() or []
    finally:
        COUNTED.reset(token)
        event.remove(engine, "before_cursor_execute", count)
    assert 2 < len(statements) <= 4, statements


@pytest.mark.usefixtures("calendars_put_back")
async def test_a_retry_sends_what_was_sent_first_though_the_calendar_changed(desk: Desk) -> None:
    ticket, ada, key = await desk.ticket(), await desk.agent("ada"), str(new_id())
    path, body = f"/v1/tickets/{ticket['id']}/change-policy", {"policy_id": ticket["sla"]["policy_id"]}
    headers = {"Idempotency-Key": key}
    async with through(desk, is_away) as way:
        for _ in range(2):
            assert (await ada.send("POST", path, json=body, headers=headers)).status_code == 503
            await change_calendars(desk)
        reused = await ada.send("POST", path, json={"policy_id": str(new_id())}, headers=headers)
    assert reused.status_code == 422
    assert reused.json()["code"] == "idempotency_key_reused"
    assert len(way.sent) == 2
    assert way.sent[0] == way.sent[1]


@pytest.mark.usefixtures("calendars_put_back")
async def test_a_routing_decision_is_sent_as_it_was_made_though_the_calendar_changed(desk: Desk) -> None:
    event = submitted()
    try:
        (decision,) = await decide(desk.context, [event])
        async with through(desk, is_away) as way:
            for _ in range(2):
                with pytest.raises(Unavailable):
                    await deliver(desk.context, [event], [decision])
                await change_calendars(desk)
    finally:
        await forget(desk, [event])
    assert way.sent[0] == way.sent[1]


@pytest.fixture
async def calendars_put_back(desk: Desk) -> AsyncIterator[None]:
    """Gives every calendar its version back afterwards, for other tests look at them."""
    async with desk.database.begin() as session:
        rows = await session.execute(select(Calendar.slug, Calendar.version).where(Calendar.is_current))
        versions = dict(rows.tuples().all())
    yield
    async with desk.database.begin() as session:
        for calendar in await session.scalars(select(Calendar).where(Calendar.is_current, Calendar.slug.in_(versions))):
            calendar.version = versions[calendar.slug]


async def change_calendars(desk: Desk) -> None:
    """Every calendar gets another version with the same hours: policies made from now on differ."""
    async with desk.database.begin() as session:
        for calendar in await session.scalars(select(Calendar).where(Calendar.is_current)):
            calendar.version += 1000
    await asyncio.sleep(0)
