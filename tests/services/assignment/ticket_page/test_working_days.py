"""A policy in working days through the API: as written, as a ticket is due, as it is explained, as it is refused."""

from datetime import datetime, timedelta
from typing import Any

from shared.kit.clock import new_id
from tests.services.assignment.desk import Desk
from tests.services.assignment.ticket_page.test_upcoming_timers import page_of
from tests.support.eventually import eventually

PROMISED = {"first_response": {"working_days": 2}, "resolution": 86_400}
TARGETS = {"normal": PROMISED, "high": PROMISED}
RESTS: dict[str, Any] = {
    "auto_close_seconds": {"working_days": 3},
    "pending_reminder_seconds": [{"working_days": 1}],
    "pending_resolve_seconds": {"working_days": 2},
    "reopen_window_seconds": {"working_days": 10},
    "escalations": [{"metric": "resolution", "after_breach_seconds": {"working_days": 1}, "do": "notify"}],
}


async def test_a_policy_of_working_days_from_its_json_to_the_ticket(desk: Desk) -> None:
    ada = await desk.agent("ada")
    body = {"name": f"days-{new_id().hex[-8:]}", "calendar": "always", "targets": TARGETS, **RESTS}
    made = await ada.post("/v1/sla-policies", body)
    read = await ada.get(f"/v1/sla-policies/{made['id']}")
    assert read["targets"]["normal"]["first_response"] == {"working_days": 2}
    assert {name: read[name] for name in RESTS if name != "escalations"} == {
        name: value for name, value in RESTS.items() if name != "escalations"
    }
    ticket = await desk.ticket()
    path = f"/v1/tickets/{ticket['id']}"
    await ada.post(f"{path}/change-policy", {"policy_id": made["id"]})

    async def is_due() -> None:
        explained = (await ada.get(f"{path}/sla"))["clocks"]
        assert [one["metric"] for one in explained] == ["first_response", "resolution"]
        first = explained[0]
        assert first["rules"][-1]["working_days"] == 2
        since, due = (datetime.fromisoformat(first[name]) for name in ("started_at", "due_at"))
        assert due - since == timedelta(days=2)
        told = await page_of(desk, ada, {"number": f"{ticket['number']}/sla"})
        assert "2 working days (48 h) allowed" in told

    await eventually(is_due, within=20)


async def test_what_is_no_duration_is_refused_where_it_stands(desk: Desk) -> None:
    ada = await desk.agent("ada")
    for wrong in (0, {"working_days": 0}, {"working_days": 1000}, {"days": 2}):
        body = {"name": "Wrong", "calendar": "always", "targets": {"normal": {"resolution": wrong}}}
        answer = await desk.http.post(
            "/v1/sla-policies",
            json=body,
            headers={"Authorization": f"Bearer {ada.token}", "Idempotency-Key": str(new_id())},
        )
        assert answer.status_code == 422, answer.text
        assert answer.json()["errors"][0]["pointer"].startswith("/targets/normal/resolution")
        assert "(" not in answer.json()["errors"][0]["pointer"]
