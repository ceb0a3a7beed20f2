"""With the workflows away: replies are still accepted, commands say when to try again, decisions wait."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from services.assignment.commands.tickets.triage import decide, deliver
from services.assignment.models import RoutingDecision
from shared.kit.bus import Unavailable
from shared.kit.clock import new_id
from shared.kit.tickets import Tickets
from tests.services.assignment.desk import Desk
from tests.services.assignment.routing.test_triage import forget, submitted
from tests.support.eventually import eventually


@pytest.fixture
async def without_temporal(desk: Desk) -> AsyncIterator[Desk]:
    """The service's way to Temporal leads nowhere; the worker still hears the bus."""
    context = desk.context
    settings = context.settings.model_copy(update={"temporal_address": "127.0.0.1:1"})
    desk.app.state.app_state = replace(context, tickets=await Tickets.connect(settings))
    yield desk
    desk.app.state.app_state = context


async def test_a_reply_is_accepted_and_reaches_the_clocks_later(without_temporal: Desk) -> None:
    desk, key = without_temporal, str(new_id())
    ticket = await desk.ticket("online-banking")
    ada, path = await desk.agent("ada"), f"/v1/tickets/{ticket['id']}/replies"
    answer = await ada.post(path, {"body": "We are on it."}, expect=201, Idempotency_Key=key)
    assert answer["pending"] is True

    async def clock_is_stopped() -> None:
        seen = await desk.seen(ticket["id"])
        outcomes = {clock["metric"]: clock["outcome"] for clock in seen["sla"]["clocks"]}
        assert outcomes["first_response"] == "met"

    await eventually(clock_is_stopped, within=20)
    assert await ada.post(path, {"body": "We are on it."}, expect=201, Idempotency_Key=key) == answer
    entries = (await ada.get(f"/v1/tickets/{ticket['id']}/messages"))["items"]
    assert [entry["body"] for entry in entries].count("We are on it.") == 1


async def test_a_command_says_when_to_try_again_and_changes_nothing(without_temporal: Desk) -> None:
    ticket = await without_temporal.ticket("online-banking")
    ada = await without_temporal.agent("ada")
    answer = await ada.send("POST", f"/v1/tickets/{ticket['id']}/pend", json={"comment": "Waiting."})
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert answer.headers["retry-after"]
    assert len((await ada.get(f"/v1/tickets/{ticket['id']}/messages"))["items"]) == 1
    ready = await without_temporal.http.get("/readyz")
    assert (ready.status_code, ready.json()["degraded"]) == (200, ["temporal"])


async def test_a_decision_that_cannot_be_sent_pauses_the_consumer_and_is_kept(without_temporal: Desk) -> None:
    event = submitted()
    try:
        (decision,) = await decide(without_temporal.context, [event])
        with pytest.raises(Unavailable):
            await deliver(without_temporal.context, [event], [decision])
        async with without_temporal.database.begin() as session:
            kept = await session.get_one(RoutingDecision, event.ticket_id)
        assert (kept.state, kept.agent_id) == ("sent", decision.agent_id)
    finally:
        await forget(without_temporal, [event])
