"""Routing of new tickets: the least loaded agent, the evidence, and what a redelivery or a rush changes (nothing)."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import func, select, update

from services.assignment.commands.tickets import triage
from services.assignment.commands.tickets.triage import decide, deliver, open_undecided
from services.assignment.consumers.triage import on_tickets_submitted
from services.assignment.models import LoggedEvent, RoutingDecision, Ticket
from services.assignment.routing.rosters import lock_rosters
from shared.contracts.base import MessageId, TicketId
from shared.contracts.events import Person, TicketSubmitted
from shared.contracts.tickets import TopicId
from shared.contracts.vocabulary import BodyFormat, Channel, Priority
from shared.kit.clock import new_id, utc_now
from tests.services.assignment.desk import TOPICS, URGENT, Desk, agent_id
from tests.services.assignment.routing.routed_team import RoutedTeam

BANKERS = {str(agent_id(name)) for name in ("ada", "bruno", "chioma")}


def submitted(topic: str = "online-banking", topic_id: TopicId | None = None) -> TicketSubmitted:
    """A ticket that no workflow runs for."""
    now, ticket_id = utc_now(), TicketId(new_id())
    return TicketSubmitted(
        ticket_id=ticket_id,
        number=f"X{ticket_id.hex[-10:]}",
        message_id=MessageId(new_id()),
        requester=Person(email="dana@bank.example", name="Dana Ruiz"),
        subject="Online banking system down",
        body="Login returns 502.",
        body_format=BodyFormat.TEXT,
        channel=Channel.API,
        topic_id=topic_id or TOPICS[topic],
        priority=Priority.HIGH,
        received_at=now,
    )


async def forget(desk: Desk, events: list[TicketSubmitted]) -> None:
    """Takes the load of decisions that no workflow will ever answer."""
    async with desk.database.begin() as session:
        ids = [event.ticket_id for event in events]
        await session.execute(
            update(RoutingDecision).where(RoutingDecision.ticket_id.in_(ids)).values(state="superseded")
        )


async def test_tickets_go_to_the_least_loaded_agent_and_the_evidence_says_so(desk: Desk) -> None:
    for _ in range(4):
        ticket = await desk.ticket("online-banking")
        assert ticket["assignee_id"] in BANKERS
    ada = await desk.agent("ada")
    timeline = (await ada.get(f"/v1/tickets/{ticket['id']}/timeline"))["items"]
    evidence = next(event["details"] for event in timeline if event["type"] == "assignment.decided")
    loads = {candidate["agent_id"]: candidate["load"] for candidate in evidence["candidates"]}
    assert set(loads) >= BANKERS
    assert str(agent_id("vera")) not in loads
    assert loads[evidence["agent_id"]] == min(loads[one] for one in BANKERS)
    assert evidence["agent_id"] == ticket["assignee_id"]
    assert evidence["rule"] == "rule 10: topic online-banking"


async def test_a_rule_sets_the_priority_unless_the_requester_named_one(desk: Desk) -> None:
    assert (await desk.ticket("online-banking"))["priority"] == "high"
    assert (await desk.ticket("online-banking", priority=URGENT))["priority"] == URGENT
    assert (await desk.ticket("online-banking", priority="normal"))["priority"] == "normal"
    fallback = await desk.ticket("general")
    assert (fallback["priority"], fallback["team"]["slug"]) == ("normal", "service-desk")


async def test_a_redelivered_event_sends_the_stored_decision_again(desk: Desk) -> None:
    event = await desk.submit("online-banking")
    ticket = await desk.seen(event.ticket_id, status="open")
    await put_back(desk, event)
    await on_tickets_submitted(desk.context, [event.envelope(f"submitted:{event.ticket_id}", utc_now())])
    after = await desk.seen(ticket["id"])
    assert (after["assignee_id"], after["revision"]) == (ticket["assignee_id"], ticket["revision"])
    assert await state_of(desk, event) == "applied"


async def test_a_ticket_that_another_process_decides_meanwhile_is_decided_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = submitted()
    faster: list[RoutingDecision] = []

    async def lock_late(*given: Any, **named: Any) -> Any:
        if not faster:
            monkeypatch.setattr(triage, "lock_rosters", lock_rosters)
            faster.extend(await decide(desk.context, [event]))
        return await lock_rosters(*given, **named)

    monkeypatch.setattr(triage, "lock_rosters", lock_late)
    try:
        (decision,) = await decide(desk.context, [event])
        assert (decision.agent_id, decision.decided_at) == (faster[0].agent_id, faster[0].decided_at)
        async with desk.database.begin() as session:
            logged = select(func.count()).where(LoggedEvent.ticket_id == event.ticket_id)
            assert await session.scalar(logged) == 1
    finally:
        await forget(desk, [event])


async def test_a_ticket_that_somebody_triaged_first_supersedes_the_decision(desk: Desk) -> None:
    event = submitted()
    try:
        (decision,) = await decide(desk.context, [event])
        await open_undecided(desk.context, event)
        ada = await desk.agent("ada")
        await desk.seen(event.ticket_id, status="new")
        await ada.post(f"/v1/tickets/{event.ticket_id}/close", {"reason": "spam"}, expect=200)
        await put_back(desk, event)
        assert await deliver(desk.context, [event], [decision]) == {}
        assert await state_of(desk, event) == "superseded"
    finally:
        await forget(desk, [event])


async def test_a_ticket_for_which_nothing_can_be_decided_is_opened_and_waits(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def cannot(*_: object) -> None:
        raise LookupError("there are no rules")

    event = submitted()
    monkeypatch.setattr(triage, "route_tickets", cannot)
    with pytest.raises(LookupError):
        await on_tickets_submitted(desk.context, [event.envelope(f"submitted:{event.ticket_id}", utc_now())])
    assert (await desk.seen(event.ticket_id, status="new"))["assignee_id"] is None


async def put_back(desk: Desk, event: TicketSubmitted) -> None:
    """As if nobody had heard what became of the decision."""
    async with desk.database.begin() as session:
        this_one = RoutingDecision.ticket_id == event.ticket_id
        await session.execute(update(RoutingDecision).where(this_one).values(state="sent"))


async def state_of(desk: Desk, event: TicketSubmitted) -> str:
    async with desk.database.begin() as session:
        return (await session.get_one(RoutingDecision, event.ticket_id)).state


async def test_two_triages_at_once_do_not_pick_on_stale_loads(desk: Desk) -> None:
    events = [submitted() for _ in range(12)]
    try:
        made = await asyncio.gather(*(decide(desk.context, [event]) for event in events))
        picked = Counter(decision.agent_id for decisions in made for decision in decisions)
        async with desk.database.begin() as session:
            rows = await session.execute(
                select(Ticket.assignee_id, func.count())
                .where(Ticket.status.not_in(("resolved", "closed")), Ticket.assignee_id.in_(picked))
                .group_by(Ticket.assignee_id)
            )
        loads = Counter(dict(rows.tuples().all())) + picked
        untouched = max(loads.values()) - min(loads[agent] for agent in picked)
        assert untouched <= 1, loads
    finally:
        await forget(desk, events)


async def test_a_batch_counts_its_own_decisions(desk: Desk) -> None:
    team = await RoutedTeam.made(desk, [{}, {}])
    events = [submitted(topic_id=team.topic) for _ in range(9)]
    try:
        decisions = await decide(desk.context, events)
        again = await decide(desk.context, events)
        assert {one.ticket_id: one.agent_id for one in decisions} == {one.ticket_id: one.agent_id for one in again}
        assert sorted(Counter(one.agent_id for one in decisions).values()) == [4, 5]
    finally:
        await forget(desk, events)


async def test_an_agent_who_is_away_gets_nothing(desk: Desk) -> None:
    team = await RoutedTeam.made(desk, [{}, {}])
    for one in team.agents:
        assert (await team.change(one, is_available=False))["version"] == 2
    ticket = await team.ticket()
    assert ticket["team"]["slug"] == team.slug
    assert ticket["assignee"] is None
