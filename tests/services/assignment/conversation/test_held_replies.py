"""Replies that are held for a moment go out exactly once, or are taken back wholly, whatever dies and whoever races."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import delete, func, select, update

from services.assignment.app_state import AppState
from services.assignment.commands import held_replies
from services.assignment.commands.held_replies import send_due
from services.assignment.models import Agent, HeldReply, Intent, Message, Ticket
from shared.contracts.answers import CommandAnswer
from shared.contracts.base import TicketId
from shared.contracts.commands import Command
from shared.kit.clock import new_id, utc_now
from shared.kit.tickets import Tickets
from tests.services.assignment.commands.test_dying_between_steps import check_whole, let_claims_run_out
from tests.services.assignment.conversation.test_composing import replies, unhurried
from tests.services.assignment.desk import AgentApi, Desk, Json, agent_id
from tests.support.dying_process import ProcessEnded, StepCounter, SteppingDatabase, SteppingTickets
from tests.support.eventually import eventually
from tests.support.sizes import either

ROUNDS = either(6, 12)


@pytest.fixture(autouse=True)
async def nobody_else_sends(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """The service's own loop waits: only what a test starts sends held replies."""

    async def waits(_context: AppState) -> float:
        return 60.0

    monkeypatch.setattr(held_replies, "_wait_seconds", waits)
    desk.context.held_replies.set()
    await asyncio.sleep(0)
    yield
    monkeypatch.undo()
    desk.context.held_replies.set()


def process(desk: Desk, steps: StepCounter) -> AppState:
    """The service as another process of it, whose steps are counted."""
    context = desk.context
    return replace(
        context,
        database=SteppingDatabase(context.database, steps),
        tickets=SteppingTickets(context.tickets, steps),
    )


async def hold(desk: Desk, ticket: Json, body: str, then: str = "") -> tuple[AgentApi, str, Json]:
    """A reply whose time has come; its agent, the ticket's path and the reply."""
    agent, path = await unhurried(desk), f"/v1/tickets/{ticket['id']}"
    held = await agent.post(
        f"{path}/held-replies", {"body": body, "then": then}, expect=202, Idempotency_Key=str(new_id())
    )
    return agent, path, held


async def lease_ends(desk: Desk, ticket: Json) -> None:
    """The time for which the last sender had these replies for itself is over."""
    async with desk.database.begin() as session:
        past = utc_now() - timedelta(seconds=1)
        await session.execute(update(HeldReply).where(HeldReply.ticket_id == ticket["id"]).values(send_at=past))


async def held_rows(desk: Desk, ticket: Json) -> int:
    async with desk.database.begin() as session:
        return await session.scalar(select(func.count()).where(HeldReply.ticket_id == UUID(ticket["id"]))) or 0


async def messages_of(desk: Desk, ticket: Json, body: str) -> int:
    async with desk.database.begin() as session:
        query = select(func.count()).where(Message.ticket_id == UUID(ticket["id"]), Message.body == body)
        return await session.scalar(query) or 0


async def send_until_gone(desk: Desk, ticket: Json) -> None:
    async def is_gone() -> None:
        await let_claims_run_out(desk, ticket["id"])
        await lease_ends(desk, ticket)
        await send_due(desk.context)
        assert await held_rows(desk, ticket) == 0

    await eventually(is_gone, within=30)


async def check_sent_once(desk: Desk, agent: AgentApi, ticket: Json, body: str, steps: int) -> None:
    """One message, its steps in the ticket's life, and nothing given back to the draft."""
    path = f"/v1/tickets/{ticket['id']}"
    assert await messages_of(desk, ticket, body) == 1
    draft = await agent.get(f"{path}/draft")
    assert (draft["body"], draft["remark"]) == ("", "")
    await let_claims_run_out(desk, ticket["id"])

    async def has_moved() -> Json:
        seen = await check_whole(desk, ticket["id"])
        assert seen["revision"] == ticket["revision"] + steps
        return seen

    seen = await eventually(has_moved, within=30)
    assert seen["status"] == ("resolved" if steps > 1 else "open")


async def steps_of_a_sender(desk: Desk, then: str) -> list[str]:
    ticket = await desk.ticket()
    await hold(desk, ticket, "undisturbed", then)
    await lease_ends(desk, ticket)
    steps = StepCounter()
    assert await send_due(process(desk, steps)) == 1
    assert await held_rows(desk, ticket) == 0
    return steps.passed


@pytest.mark.soak
@pytest.mark.parametrize("then", ["", "resolve"])
async def test_a_sender_killed_at_any_step_leaves_one_message(desk: Desk, then: str) -> None:
    """Its successor comes while the command of the dead is still reserved, and once more when it is not.

    Every step of a reply; of one that resolves as well, whose first steps are the same, every other in the short form.
    """
    named = await steps_of_a_sender(desk, then)
    assert len(named) > 10
    for number, step in list(enumerate(named))[:: either(2, 1) if then else 1]:
        ticket, body = await desk.ticket(), f"killed {step} ({number})"
        agent, path, held = await hold(desk, ticket, body, then)
        await lease_ends(desk, ticket)
        with pytest.raises(ProcessEnded):
            await send_due(process(desk, StepCounter(number)))
        undone = await agent.send("DELETE", f"{path}/held-replies/{held['id']}")
        assert undone.status_code in (404, 409), (step, undone.text)
        await lease_ends(desk, ticket)
        await send_due(desk.context)
        assert (await agent.get(f"{path}/draft"))["remark"] == "", step
        await send_until_gone(desk, ticket)
        await check_sent_once(desk, agent, ticket, body, 1 + bool(then))


async def test_two_replicas_that_both_hold_a_claim_send_one_message(desk: Desk) -> None:
    """The first was paused for longer than its lease: it goes on while the second sends."""
    ticket, body = await desk.ticket(), "paused and taken over"
    agent, _, _ = await hold(desk, ticket, body, "resolve")
    claims = []
    for _ in range(2):
        await lease_ends(desk, ticket)
        claims.append(await held_replies._claimed(desk.context))
    mine = [[row for row in rows if str(row.ticket_id) == ticket["id"]] for rows in claims]
    assert [len(rows) for rows in mine] == [1, 1]
    await asyncio.gather(*(held_replies._send(desk.context, rows[0]) for rows in mine))
    await send_until_gone(desk, ticket)
    await check_sent_once(desk, agent, ticket, body, 2)


@pytest.mark.soak
async def test_undo_and_sending_at_the_same_moment_have_one_winner(desk: Desk) -> None:
    """Taken back: no message, and the words in the draft. Sent: one message, and the undo says that it is too late."""
    outcomes: Counter[int] = Counter()
    for number in range(ROUNDS):
        ticket, body = await desk.ticket(), f"raced {number}"
        agent, path, held = await hold(desk, ticket, body)
        moment = utc_now() + timedelta(seconds=0.05)
        async with desk.database.begin() as session:
            row = update(HeldReply).where(HeldReply.id == UUID(held["id"]))
            await session.execute(row.values(send_at=moment))
        await asyncio.sleep(0.035 + 0.002 * number * 12 / ROUNDS)
        sending = [asyncio.create_task(send_due(desk.context)) for _ in range(3)]
        undone = await agent.send("DELETE", f"{path}/held-replies/{held['id']}")
        await asyncio.gather(*sending)
        outcomes[undone.status_code] += 1
        await send_until_gone(desk, ticket)
        if undone.status_code == 200:
            assert (await agent.get(f"{path}/draft"))["body"] == body
            assert await messages_of(desk, ticket, body) == 0
            continue
        assert undone.json()["code"] in ("reply_going_out", "not_found"), undone.text
        await check_sent_once(desk, agent, ticket, body, 1)
    assert set(outcomes) <= {200, 404, 409}


async def test_an_undo_that_comes_too_late_says_so(desk: Desk) -> None:
    ticket = await desk.ticket()
    agent, path, held = await hold(desk, ticket, "too late")
    await lease_ends(desk, ticket)
    refused = await agent.send("DELETE", f"{path}/held-replies/{held['id']}")
    assert (refused.status_code, refused.json()["code"]) == (409, "reply_going_out")
    assert "cannot be taken back" in refused.json()["detail"]
    await send_until_gone(desk, ticket)
    assert await replies(agent, path) == ["too late"]


@pytest.mark.parametrize("change", ["deactivated", "corrected", "merged", "archived"])
async def test_what_changes_after_a_killed_sender_gives_no_sent_reply_back(desk: Desk, change: str) -> None:
    """The message is out: its words never come back to the draft as if they were not."""
    ticket, body = await desk.ticket(), f"out before it was {change}"
    agent, path, _ = await hold(desk, ticket, body)
    await lease_ends(desk, ticket)
    mortal = replace(desk.context, tickets=SteppingTickets(desk.context.tickets, StepCounter(1)))
    with pytest.raises(ProcessEnded):
        await send_due(mortal)
    async with desk.database.begin() as session:
        (message,) = await session.scalars(
            select(Message).where(Message.ticket_id == UUID(ticket["id"]), Message.body == body)
        )
        message_id = message.id
        if change == "corrected":
            message.body = f"{body}, corrected"
        if change == "archived":
            await session.execute(delete(Intent).where(Intent.ticket_id == UUID(ticket["id"])))
            await session.execute(update(Ticket).where(Ticket.id == UUID(ticket["id"])).values(is_archived=True))
        if change == "deactivated":
            await session.execute(update(Agent).where(Agent.id == agent_id("bruno")).values(is_active=False))
    if change == "merged":
        into, ada = await desk.ticket(), await desk.agent("ada")
        await let_claims_run_out(desk, ticket["id"])
        await ada.post(f"{path}/merge", {"into": into["id"]})
    try:
        await send_until_gone(desk, ticket)
    finally:
        async with desk.database.begin() as session:
            await session.execute(update(Agent).where(Agent.id == agent_id("bruno")).values(is_active=True))
    draft = await agent.get(f"{path}/draft")
    assert draft["body"] == ""
    assert "Not sent" not in draft["remark"]
    async with desk.database.begin() as session:
        sent = await session.scalars(
            select(Message.id).where(Message.author_id == agent_id("bruno"), Message.ticket_id == UUID(ticket["id"]))
        )
        assert list(sent) == [message_id]


async def test_a_reply_that_nobody_could_send_is_given_back_whole(desk: Desk) -> None:
    """Refused before anything was written: no message, all its words in the draft, and why."""
    ticket = await desk.ticket()
    agent, path, held = await hold(desk, ticket, "never out")
    async with desk.database.begin() as session:
        row = update(HeldReply).where(HeldReply.id == UUID(held["id"]))
        await session.execute(row.values(attachments=[str(new_id())]))
    await send_until_gone(desk, ticket)
    draft = await agent.get(f"{path}/draft")
    assert draft["body"] == "never out"
    assert draft["remark"].startswith("Not sent:")
    assert await messages_of(desk, ticket, "never out") == 0
    async with desk.database.begin() as session:
        assert await session.scalar(select(func.count()).where(Intent.ticket_id == UUID(ticket["id"]))) == 0


class Failing(Tickets):
    """The way to the workflows, of which one fails as nobody thought of."""

    def __init__(self, tickets: Tickets, broken: str) -> None:
        super().__init__(tickets.client)
        self.broken = broken

    async def execute(self, ticket_id: TicketId, command: Command) -> CommandAnswer:
        if str(ticket_id) == self.broken:
            raise ValueError("nobody thought of this")
        return await super().execute(ticket_id, command)


async def test_a_reply_that_fails_unexpectedly_holds_up_no_other(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is it lost: it is sent with the commands that were left behind, or its words are in the draft again."""
    monkeypatch.setattr(held_replies, "MOST_TRIES", 2)
    broken, other = await desk.ticket(), await desk.ticket()
    agent, path, _ = await hold(desk, broken, "words that break")
    await hold(desk, other, "words that do not")
    context = replace(desk.context, tickets=Failing(desk.context.tickets, str(broken["id"])))
    for _ in range(3):
        await let_claims_run_out(desk, broken["id"])
        for ticket in (broken, other):
            await lease_ends(desk, ticket)
        await send_due(context)
        assert await messages_of(desk, other, "words that do not") == 1
    assert await held_rows(desk, broken) == 0
    draft = await agent.get(f"{path}/draft")
    assert await messages_of(desk, broken, "words that break") + (draft["body"] == "words that break") == 1
