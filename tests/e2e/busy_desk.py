"""A desk with something on each of its pages: tickets in all states, and one of everything administrators make."""

from datetime import timedelta
from typing import Any

from shared.kit.clock import new_id, utc_now
from tests.support.api import Api, Json, SystemClients, status_is
from tests.support.eventually import eventually

REQUESTER = "wilma@words.example"
TARGETS = {"first_response": 14_400, "resolution": 86_400}
NAMES = (
    "Wilma Word",
    "Wim Word",
    "Words of the desk",
    "Second words",
    "Third words",
    "Fourth words",
    "Word policy",
    "Word list",
    "Word board",
    "Word token",
    "Word feed",
    "Word hook",
    "Word room",
    "Word firm",
    "Word week",
    "Word report",
    "Word reply",
    "Word news",
    "Call the branch",
    "Ask the vendor",
    "Side words",
    "Sam Supplier",
    "word",
    "wim",
    "wilma@words.example",
    "wim@words.example",
    "words.example",
    "spam.example",
    "We work on it.",
    "Hello",
)
"""What things are called here."""


async def act(api: Api, path: str, body: Json | None = None) -> Json:
    """Does something once, as soon as it can be done."""
    headers = {"Authorization": f"Bearer {api.token}", "Idempotency-Key": str(new_id())}

    async def done() -> Json:
        answer = await api.client.post(api.base_url + path, json=body or {}, headers=headers)
        assert answer.is_success, f"{path}: {answer.text}"
        told: Json = answer.json() if answer.content else {}
        return told

    return await eventually(done, within=20)


async def fill(system: SystemClients, ada: Api) -> list[Json]:
    """Makes them; returns the tickets."""
    subjects = ("Words of the desk", "Second words", "Third words", "Fourth words")
    tickets = [await _submitted(system, subject) for subject in subjects]
    for ticket in tickets:
        await status_is(ada, ticket["id"], "open", within=60)
    await _work(ada, tickets)
    await _configure(ada)
    return tickets


async def _submitted(system: SystemClients, subject: str) -> Json:
    requester = {"email": REQUESTER, "name": "Wilma Word"}
    return await system.submit(subject, REQUESTER, requester=requester)


async def _work(ada: Api, tickets: list[Json]) -> None:
    """Everything that happens to tickets and is told on their pages."""
    first, second, third, fourth = (f"/v1/tickets/{ticket['id']}" for ticket in tickets)
    me, mine = (await ada.get("/v1/me"))["agent"], (await ada.get(first))["sla"]["policy_id"]
    policy = next(one for one in (await ada.get("/v1/sla-policies"))["items"] if one["id"] != mine)
    other = next(one for one in (await ada.get("/v1/teams"))["items"] if one["slug"] == "service-desk")
    ids = [ticket["id"] for ticket in tickets]
    done: list[tuple[str, Json]] = [
        (f"{first}/assign", {"agent_id": me["id"]}),
        (f"{first}/notes", {"body": "Look here."}),
        (f"{first}/replies", {"body": "We look."}),
        (f"{first}/prioritise", {"priority": "urgent", "comment": "Many ask."}),
        (f"{first}/set-due", {"due_at": in_a_month()}),
        (f"{first}/change-policy", {"policy_id": policy["id"]}),
        (f"{first}/tasks", {"title": "Call the branch"}),
        (f"{first}/tasks", {"title": "Ask the vendor", "is_blocking": True}),
        (f"{first}/tags", {"add": ["word"]}),
        (f"{first}/participants", {"email": "wim@words.example"}),
        (f"{first}/side-conversations", {"to": "sam@supplier.example", "subject": "Side words", "body": "Down?"}),
        (f"{first}/links", {"ticket": ids[1], "kind": "related"}),
        (f"{first}/hold", {"reason": "vendor"}),
        (f"{first}/resume", {}),
        (f"{second}/incident", {}),
        (f"{second}/children", {"ticket_ids": [ids[2]]}),
        (f"{second}/updates", {"body": "We work on it."}),
        (f"{third}/assign", {"agent_id": me["id"]}),
        (f"{third}/release", {}),
        (f"{third}/transfer", {"team_id": other["id"]}),
        (f"{third}/pend", {}),
        (f"{third}/resolve", {}),
        (f"{third}/reopen", {}),
        (f"{third}/close", {"reason": "withdrawn"}),
        (f"{fourth}/merge", {"into": ids[0]}),
        ("/v1/bulk", {"action": "prioritise", "body": {"priority": "low"}, "ticket_ids": [ids[1], ids[3]]}),
        ("/v1/exports", {}),
    ]
    for path, body in done:
        await act(ada, path, body)


def in_a_month() -> str:
    """An instant that is not too far from now."""
    return (utc_now() + timedelta(days=30)).isoformat()


async def _configure(ada: Api) -> None:
    """One of everything that an administrator makes with the desk's own API."""
    me = (await ada.get("/v1/me"))["agent"]
    calendar = (await ada.get("/v1/calendars"))["items"][0]["slug"]
    targets = dict.fromkeys(("low", "normal", "high", "urgent"), TARGETS)
    policy = await act(ada, "/v1/sla-policies", {"name": "Word policy", "calendar": calendar, "targets": targets})
    old = (await ada.get("/v1/sla-policies"))["items"][0]
    await act(ada, "/v1/organisations", {"name": "Word firm", "domains": ["words.example"]})
    await act(ada, "/v1/service-tokens", {"name": "Word token", "permissions": ["ticket.view"]})
    await act(ada, "/v1/canned-responses", {"title": "Word reply", "body": "Hello"})
    parameters = {"days": 7, "time_zone": "UTC", "group_by": "team"}
    await act(ada, "/v1/saved-reports", {"name": "Word report", "report": "sla", "parameters": parameters})
    weekly: Json = {"name": "Word week", "report": "sla", "recipients": [me["id"]], "parameters": parameters}
    weekly |= {"frequency": "weekly", "weekday": 1, "at": "08:00", "time_zone": "Europe/Berlin"}
    await act(ada, "/v1/report-schedules", weekly)
    question = {"name": "Word policy", "calendar": calendar, "targets": targets}
    tried = await act(ada, "/v1/what-ifs", {"policy": question, "replaces": old["id"]})
    asked = {
        "team": "online-banking",
        "arrivals": {"source": "generated", "hourly_rates": [6], "days": 2},
        "handling": {"source": "given", "distribution": "exponential", "mean_seconds": 1200},
    }
    simulated = await act(ada, "/v1/simulations", asked)
    for path in (f"/v1/what-ifs/{tried['id']}", f"/v1/simulations/{simulated['id']}"):
        await eventually(lambda path=path: _ended(ada, path), within=60)  # type: ignore[misc]
    await act(ada, f"/v1/sla-policies/{policy['id']}/rollouts", {"mode": "carry"})


async def _ended(ada: Api, path: str) -> Any:
    run = await ada.get(path)
    assert run["state"] not in ("queued", "running"), run
    return run
