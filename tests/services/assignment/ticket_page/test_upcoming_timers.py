"""The desk says what a pending ticket will do by itself, and when."""

from datetime import datetime, timedelta
from typing import Any

from services.assignment.web.page_base import SESSION_COOKIE
from shared.kit.clock import new_id
from tests.services.assignment.desk import AgentApi, Desk, Json
from tests.support.eventually import eventually

TARGETS = {"normal": {"first_response": 3600}, "high": {"first_response": 3600}}
HOUR = 3600


async def test_the_desk_says_when_a_pending_ticket_reminds_and_resolves(desk: Desk) -> None:
    ada = await desk.agent("ada")
    times = {"pending_reminder_seconds": [1, 2 * HOUR], "pending_resolve_seconds": 3 * HOUR}
    ticket, pended_at = await pending(desk, ada, **times)

    async def first_reminder_is_past() -> None:
        page = await page_of(desk, ada, ticket)
        assert f"Reminds the requester on {_time(pended_at + timedelta(hours=2))}" in page
        assert f"Resolves by itself on {_time(pended_at + timedelta(hours=3))}" in page

    await eventually(first_reminder_is_past, within=20)


async def test_what_never_comes_is_not_announced(desk: Desk) -> None:
    ada = await desk.agent("ada")
    ticket, _ = await pending(desk, ada)
    page = await page_of(desk, ada, ticket)
    assert "Reminds the requester" not in page
    assert "Resolves by itself" not in page


async def pending(desk: Desk, ada: AgentApi, **times: Any) -> tuple[Json, datetime]:
    """A ticket that waits for its requester under a policy with these times, and since when."""
    name = f"p-{new_id().hex[-8:]}"
    policy = await ada.post("/v1/sla-policies", {"name": name, "calendar": "always", "targets": TARGETS, **times})
    ticket = await desk.ticket()
    path = f"/v1/tickets/{ticket['id']}"
    await ada.post(f"{path}/change-policy", {"policy_id": policy["id"]})
    await ada.post(f"{path}/pend")

    async def since() -> datetime:
        timeline = (await ada.get(f"{path}/timeline", limit=200))["items"]
        at = [line["at"] for line in timeline if line["type"] == "ticket.pended"]
        return datetime.fromisoformat(at[0])

    return ticket, await eventually(since)


async def page_of(desk: Desk, agent: AgentApi, ticket: Json) -> str:
    """The ticket's page, spaces made one."""
    answer = await desk.http.get(f"/tickets/{ticket['number']}", headers={"Cookie": f"{SESSION_COOKIE}={agent.token}"})
    assert answer.status_code == 200, answer.text
    return " ".join(answer.text.split())


def _time(at: datetime) -> str:
    return f'<time datetime="{at.isoformat()[:19]}'
