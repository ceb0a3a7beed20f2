"""Actions on many tickets take effect once on each, wherever the process that carries them out is killed."""

from contextlib import suppress
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from services.assignment.app_state import AppState
from services.assignment.desk_jobs import bulk_runner
from services.assignment.models import Intent, Message, Note
from shared.contracts.answers import CommandAnswer
from shared.contracts.base import TicketId
from shared.contracts.commands import Command
from shared.kit.clock import utc_now
from shared.kit.tickets import Tickets
from tests.services.assignment.commands.test_dying_between_steps import check_whole
from tests.services.assignment.conversation.test_held_replies import process
from tests.services.assignment.desk import AgentApi, Desk, Json
from tests.support.dying_process import ProcessEnded, StepCounter
from tests.support.eventually import eventually

take_step = bulk_runner.take_step


@pytest.fixture(autouse=True)
def nobody_else_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """The service's own loop does nothing: only what a test starts carries jobs out."""

    async def waits(_context: AppState, _job_id: UUID) -> bool:
        return False

    monkeypatch.setattr(bulk_runner, "take_step", waits)


async def start(agent: AgentApi, tickets: list[Json], action: str, body: Json) -> str:
    asked = {"action": action, "body": body, "ticket_ids": [ticket["id"] for ticket in tickets]}
    job_id: str = (await agent.post("/v1/bulk", asked, expect=202))["id"]
    return job_id


async def work_off(desk: Desk, agent: AgentApi, job_id: str) -> Json:
    async def is_over() -> Json:
        await take_step(desk.context, UUID(job_id))
        job = await agent.get(f"/v1/bulk/{job_id}")
        assert job["state"] == "done"
        return job

    return await eventually(is_over, within=30)


async def claims_run_out(desk: Desk) -> None:
    async with desk.database.begin() as session:
        await session.execute(update(Intent).values(claimed_until=utc_now()))


async def count_of(desk: Desk, model: type[Message | Note], ticket: Json, body: str) -> int:
    async with desk.database.begin() as session:
        query = select(func.count()).where(model.ticket_id == UUID(ticket["id"]), model.body == body)
        return await session.scalar(query) or 0


ACTIONS: list[tuple[str, Json, int]] = [
    ("prioritise", {"priority": "high", "comment": "Raised."}, 1),
    ("replies", {"body": "Told to all."}, 1),
    ("notes", {"body": "Noted for all."}, 0),
    ("tags", {"add": ["swept"]}, 0),
]


@pytest.mark.parametrize(("action", "body", "revisions"), ACTIONS)
async def test_a_process_killed_at_any_step_of_a_bulk_action_does_it_once(
    desk: Desk, action: str, body: Json, revisions: int
) -> None:
    ada, kills = await desk.agent("ada"), 0
    while True:
        tickets = [await desk.ticket() for _ in range(2)]
        job_id = await start(ada, tickets, action, body)
        steps = StepCounter(kills)
        with suppress(ProcessEnded):
            await take_step(process(desk, steps), UUID(job_id))
        has_ended = len(steps.passed) <= kills
        await take_step(desk.context, UUID(job_id))
        await claims_run_out(desk)
        job = await work_off(desk, ada, job_id)
        assert job["counts"]["done"] == 2, job
        for ticket in tickets:
            seen = await check_whole(desk, ticket["id"])
            assert seen["revision"] == ticket["revision"] + revisions
            assert await count_of(desk, Message, ticket, "Told to all.") == (action == "replies")
            notes = await count_of(desk, Note, ticket, str(body.get("comment") or body.get("body")))
            assert notes == (action in ("notes", "prioritise"))
        if has_ended:
            break
        kills += 3
    assert kills >= 6


async def test_what_took_effect_while_its_job_was_cancelled_is_told_as_done(desk: Desk) -> None:
    ada, tickets = await desk.agent("ada"), [await desk.ticket() for _ in range(2)]
    job_id = await start(ada, tickets, "prioritise", {"priority": "high"})

    class Cancelling(Tickets):
        """The job is cancelled after its first command has taken effect and before that is written down."""

        async def execute(self, ticket_id: TicketId, command: Command) -> CommandAnswer:
            told = await super().execute(ticket_id, command)
            await ada.post(f"/v1/bulk/{job_id}/cancel")
            return told

    context = replace(desk.context, tickets=Cancelling(desk.context.tickets.client))
    await take_step(context, UUID(job_id))
    job = await ada.get(f"/v1/bulk/{job_id}")
    assert (job["state"], job["counts"]["cancelled"]) == ("cancelled", 0)
    for ticket in tickets:
        assert (await desk.seen(ticket["id"]))["priority"] == "high"


async def test_a_ticket_on_which_an_action_fails_unexpectedly_holds_up_no_other(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, tickets = await desk.agent("ada"), [await desk.ticket() for _ in range(3)]
    monkeypatch.setattr(bulk_runner, "TRIES", 3)
    job_id = await start(ada, tickets, "prioritise", {"priority": "high"})

    class Failing(Tickets):
        """What nobody has thought of happens to the first of the tickets."""

        async def execute(self, ticket_id: TicketId, command: Command) -> CommandAnswer:
            if str(ticket_id) == tickets[0]["id"]:
                raise ValueError("unthought of")
            return await super().execute(ticket_id, command)

    context = replace(desk.context, tickets=Failing(desk.context.tickets.client))
    for _ in range(4):
        await take_step(context, UUID(job_id))
    job = await ada.get(f"/v1/bulk/{job_id}")
    assert (job["state"], job["counts"]["done"], job["counts"]["failed"]) == ("done", 2, 1)
