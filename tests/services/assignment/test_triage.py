"""Routing of new tickets: the least loaded agent, the evidence, and what a redelivery or a rush changes (nothing)."""

import asyncio
from collections import Counter
from uuid import UUID

from sqlalchemy import func, select, update

from services.assignment.commands.triage import decide, deliver
from services.assignment.consumers.triage import on_tickets_opened
from services.assignment.models import Agent, LoggedEvent, RoutingDecision, Ticket
from shared.contracts.base import TicketId
from shared.contracts.events import TicketOpened
from shared.contracts.tickets import Actor, TicketSnapshot
from shared.contracts.vocabulary import ActorKind, Priority, Status
from shared.kit.clock import new_id, utc_now
from tests.services.assignment.desk import TOPICS, URGENT, Desk, agent_id
from tests.support.eventually import eventually

BANKERS = {str(agent_id(name)) for name in ("ada", "bruno", "chioma")}


def opened(topic: str = "online-banking") -> TicketOpened:
    """A ticket that no workflow runs for."""
    now, ticket_id = utc_now(), TicketId(new_id())
    snapshot = TicketSnapshot(
        ticket_id=ticket_id,
        number=f"X{ticket_id.hex[-10:]}",
        seq=1,
        revision=0,
        status=Status.NEW,
        priority=Priority.HIGH,
        topic_id=TOPICS[topic],
        opened_at=now,
        updated_at=now,
    )
    actor = Actor(kind=ActorKind.REQUESTER)
    return TicketOpened(ticket_id=ticket_id, seq=1, revision=0, at=now, actor=actor, snapshot=snapshot)


async def forget(desk: Desk, events: list[TicketOpened]) -> None:
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
    ticket = await desk.ticket("online-banking")
    async with desk.database.begin() as session:
        event = await session.scalar(
            select(LoggedEvent).where(LoggedEvent.ticket_id == UUID(ticket["id"]), LoggedEvent.type == "ticket.opened")
        )
        assert event is not None
        await session.execute(
            update(RoutingDecision).where(RoutingDecision.ticket_id == event.ticket_id).values(state="sent")
        )
    again = TicketOpened.model_validate(event.data)
    await on_tickets_opened(desk.context, [again.envelope(event.event_id, event.at)])
    after = await desk.seen(ticket["id"])
    assert (after["assignee_id"], after["revision"]) == (ticket["assignee_id"], ticket["revision"])
    async with desk.database.begin() as session:
        decisions = (
            await session.scalars(select(RoutingDecision).where(RoutingDecision.ticket_id == event.ticket_id))
        ).all()
    assert [decision.state for decision in decisions] == ["applied"]


async def test_a_ticket_that_somebody_triaged_first_supersedes_the_decision(desk: Desk) -> None:
    ticket = await desk.ticket("online-banking")
    async with desk.database.begin() as session:
        decision = await session.get_one(RoutingDecision, UUID(ticket["id"]))
        decision.state = "sent"
    ada = await desk.agent("ada")
    submitted = await desk.submit("online-banking")
    path = f"/v1/tickets/{submitted.ticket_id}/close"

    async def close() -> None:
        await ada.post(path, {"reason": "spam"}, expect=200)

    await eventually(close)

    async def is_settled() -> None:
        async with desk.database.begin() as session:
            made = await session.get_one(RoutingDecision, submitted.ticket_id)
        assert made.state in ("superseded", "applied")

    await eventually(is_settled)
    await deliver(desk.context, [decision])


async def test_two_triages_at_once_do_not_pick_on_stale_loads(desk: Desk) -> None:
    events = [opened() for _ in range(12)]
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
    events = [opened() for _ in range(9)]
    try:
        decisions = await decide(desk.context, events)
        again = await decide(desk.context, events)
        assert {one.ticket_id: one.agent_id for one in decisions} == {one.ticket_id: one.agent_id for one in again}
        assert len({one.agent_id for one in decisions}) > 1
    finally:
        await forget(desk, events)


async def test_an_agent_who_is_away_gets_nothing(desk: Desk) -> None:
    ada = await desk.agent("ada")
    everybody = (agent_id("dmitri"), agent_id("chioma"))
    try:
        for one in everybody:
            await ada.patch(f"/v1/agents/{one}", {"is_available": False})
        ticket = await desk.ticket("access")
        assert ticket["team"]["slug"] == "access-management"
        assert ticket["assignee"] is None
    finally:
        for one in everybody:
            await ada.patch(f"/v1/agents/{one}", {"is_available": True})
    async with desk.database.begin() as session:
        agent = await session.get_one(Agent, agent_id("dmitri"))
    assert agent.version == 3
