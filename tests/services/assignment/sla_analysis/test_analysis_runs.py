"""What-ifs and staffing simulations in the background: through the API, the pages, and the command line."""

import asyncio
import json
import re
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from deploy.cli.app import build_app
from services.assignment.settings import AssignmentSettings
from services.assignment.staffing.handling import read_handling
from services.assignment.what_if_process import EVERYTHING
from shared.kit.clock import new_id, utc_now
from tests.services.assignment.browsing import TOKEN
from tests.services.assignment.desk import AgentApi, Desk, Json
from tests.support.eventually import eventually

TARGETS = {"first_response": 14_400, "resolution": 86_400}
PRIORITIES = ("low", "normal", "high", "urgent")
GENERATED: Json = {
    "team": "online-banking",
    "arrivals": {"source": "generated", "hourly_rates": [6], "days": 3},
    "handling": {"source": "given", "distribution": "exponential", "mean_seconds": 1200},
}


async def finished(api: AgentApi, path: str) -> Json:
    async def ended() -> Json:
        run = await api.get(path)
        assert run["state"] not in ("queued", "running"), run
        return run

    return await eventually(ended, within=60)


async def send(desk: Desk, agent: AgentApi, page: str, path: str, **fields: Any) -> Any:
    """Sends a form of a page; returns the answer."""
    cookie = f"everdesk_session={agent.token}"
    shown = await desk.http.get(page, headers={"Cookie": cookie})
    token = TOKEN.search(shown.text)
    assert token, shown.text
    sent = {"Cookie": f"{cookie}; everdesk_csrf={shown.cookies['everdesk_csrf']}"}
    return await desk.http.post(path, data={"csrf_token": token[1]} | fields, headers=sent)


async def page_of(desk: Desk, agent: AgentApi, path: str) -> str:
    shown = await desk.http.get(path, headers={"Cookie": f"everdesk_session={agent.token}"})
    assert shown.status_code == 200, shown.text
    return shown.text


@pytest.fixture(scope="module")
async def promised(desk: Desk) -> tuple[Json, Json]:
    """A policy of this module's own, and a ticket that was answered and resolved under it."""
    ada = await desk.agent("ada")
    ticket = await desk.ticket_of("ada")
    calendar = (await ada.get(f"/v1/sla-policies/{ticket['sla']['policy_id']}"))["calendar"]
    body = {"name": f"Tried {new_id().hex[-8:]}", "calendar": calendar, "targets": dict.fromkeys(PRIORITIES, TARGETS)}
    policy = await ada.post("/v1/sla-policies", body)
    path = f"/v1/tickets/{ticket['id']}"
    await ada.post(f"{path}/change-policy", {"policy_id": policy["id"]})
    await ada.post(f"{path}/replies", {"body": "We look."})
    await ada.post(f"{path}/resolve")

    async def is_settled() -> None:
        events = (await ada.get(f"{path}/timeline", limit=200))["items"]
        assert sum(one["type"] == "ticket.sla_settled" for one in events) >= 2

    await eventually(is_settled, within=30)
    return policy, await desk.seen(ticket["id"], status="resolved")


async def test_a_what_if_is_asked_on_a_page_and_rolled_out_from_there(desk: Desk, promised: tuple[Json, Json]) -> None:
    policy, ticket = promised
    ada = await desk.agent("ada")
    asked = {"policy": policy["id"], "calendar": policy["calendar"], "days": "28", "pause_on_hold": "1"}
    week = dict.fromkeys(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), "00:00-24:00")
    page = f"/reports/what-if?policy={policy['id']}"
    assert "4h" in await page_of(desk, ada, page)
    assert "Targets of" in await page_of(desk, ada, "/reports/what-if")
    wrong = await send(desk, ada, page, "/reports/what-if", **asked, **week, **{"target-low-resolution": "soon"})
    assert (wrong.status_code, "Write a time such as" in wrong.text) == (422, True)
    sent = await send(desk, ada, page, "/reports/what-if", **asked, **week, form_id=str(new_id()))
    assert sent.status_code == 303, sent.text
    run_id = sent.headers["location"].rpartition("/")[2]
    run = await finished(ada, f"/v1/what-ifs/{run_id}")
    assert (run["state"], run["detail"], run["report"]["replaces"]) == ("done", None, policy["id"])
    changed = await ada.get(f"/v1/what-ifs/{run_id}/tickets", change="other")
    assert ticket["number"] in {one["number"] for one in changed["items"]}
    assert (await ada.get(f"/v1/what-ifs/{run_id}/tickets", metric="next_response"))["items"] == []
    shown = await page_of(desk, ada, f"/reports/what-if/{run_id}")
    assert "Roll this out" in shown
    assert ticket["number"] in await page_of(desk, ada, f"/reports/what-if/{run_id}/tickets?change=other")
    vera, dmitri = await desk.agent("vera"), await desk.agent("dmitri")
    await vera.get(f"/v1/what-ifs/{run_id}", expect=404)
    await dmitri.get(f"/v1/what-ifs/{run_id}", expect=403)


async def test_what_was_tried_becomes_the_newest_version_once(desk: Desk, promised: tuple[Json, Json]) -> None:
    policy, _ = promised
    ada = await desk.agent("ada")
    body = {name: policy[name] for name in ("name", "calendar")} | {"targets": {"normal": {"resolution": 3600}}}
    run = await ada.post("/v1/what-ifs", {"policy": body, "replaces": policy["id"]}, expect=202)
    path = f"/reports/what-if/{run['id']}"
    assert (await finished(ada, f"/v1/what-ifs/{run['id']}"))["question"] == run["question"]
    for _ in range(2):
        sent = await send(desk, ada, path, f"{path}/roll-out")
        assert sent.headers["location"] == f"/admin/sla-policies/{policy['id']}/rollouts"
    newest = await ada.get(f"/v1/sla-policies/{policy['id']}")
    assert newest["version"] == policy["version"] + 1
    assert newest["targets"]["normal"]["resolution"] == 3600
    await ada.patch(f"/v1/sla-policies/{policy['id']}", {"pause_on_hold": False})
    sent = await send(desk, ada, path, f"{path}/roll-out")
    assert sent.headers["location"] == path
    assert (await ada.get(f"/v1/sla-policies/{policy['id']}"))["version"] == policy["version"] + 2


async def test_a_simulation_is_asked_and_read_on_its_page(desk: Desk) -> None:
    ada = await desk.agent("ada")
    page = await page_of(desk, ada, "/reports/staffing")
    names = re.findall(r'<(?:input|select)[^>]* name="([^"]+)"', page)
    values = dict(re.findall(r'<input type="text" value="([^"]*)" id="f-([^"]+)"', page))
    fields = {name: value for value, name in values.items() if name in names}
    fields |= {"team": "online-banking", "arrivals": "generated", "rates": "6", "days": "3", "handling": "given"}
    fields |= {"distribution": "exponential", "mean": "20m", "least": "2", "most": "4", "spread": "0.8", "step": "1"}
    fields |= {"first_response_share": "50", "goal_percent": "90", "seed": "1", "open_tickets": "1"}
    fields |= {"share-normal": "1"}
    wrong = await send(desk, ada, "/reports/staffing", "/reports/staffing", **fields | {"most": "1"})
    assert (wrong.status_code, "Least must not exceed most" in wrong.text) == (422, True)
    sent = await send(desk, ada, "/reports/staffing", "/reports/staffing", **fields)
    assert sent.status_code == 303, sent.text
    path = sent.headers["location"]
    run = await finished(ada, f"/v1/simulations/{path.rpartition('/')[2]}")
    assert (run["state"], run["detail"], run["report"]["arrivals"]) == ("done", None, 432)
    assert [point["agents"] for point in run["report"]["points"]] == [2, 3, 4]
    assert run["report"]["points"][2]["erlang_c"]["mean_wait_seconds"] > 0
    shown = await page_of(desk, ada, path)
    assert 'class="curve"' in shown
    assert await page_of(desk, ada, f"/reports/staffing?like={run['id']}")


async def test_a_simulation_can_be_stopped_and_nonsense_is_refused(desk: Desk) -> None:
    ada, dmitri = await desk.agent("ada"), await desk.agent("dmitri")
    large = GENERATED | {"arrivals": {"source": "generated", "hourly_rates": [60], "days": 28}, "most": 12}
    run = await ada.post("/v1/simulations", large, expect=202)
    stopped = await ada.post(f"/v1/simulations/{run['id']}/cancel", expect=200)
    assert stopped["state"] == "cancelled"
    await ada.post("/v1/simulations", GENERATED | {"team": "nowhere"}, expect=404)
    await ada.post("/v1/simulations", GENERATED | {"hours": ["nowhere"]}, expect=422)
    await ada.post("/v1/simulations", GENERATED | {"least": 9, "most": 2}, expect=422)
    await ada.post("/v1/simulations", GENERATED | {"arrivals": {"source": "generated", "days": 3}}, expect=422)
    await dmitri.post("/v1/simulations", GENERATED, expect=403)
    assert run["id"] in {one["id"] for one in (await ada.get("/v1/simulations"))["items"]}


async def test_the_log_is_replayed_on_the_command_line(
    desk: Desk, settings: AssignmentSettings, promised: tuple[Json, Json], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVERDESK_DATABASE_URL", settings.database_url.get_secret_value())

    async def simulate(*words: str) -> Any:
        return await asyncio.to_thread(CliRunner().invoke, build_app(), ["staffing", "simulate", *words])

    told = await simulate("--team", "online-banking", "--agents", "2", "--mean", "1m", "--json")
    assert told.exit_code == 0, told.output
    report = json.loads(told.output)
    assert report["arrivals"] >= 1
    assert report["points"][0]["unfinished"] == 0
    few = ("--agents", "3", "--mean", "1m", "--goal", "1")  # how well they do depends on the tickets of other tests
    assert "hold 1 %" in (await simulate("--team", "online-banking", *few)).output
    assert (await simulate("--team", "nowhere")).exit_code == 1
    now = utc_now()
    async with desk.database.connection() as connection:
        work = await read_handling(
            connection, EVERYTHING, None, (now - timedelta(days=1), now), lambda since, until: until - since
        )
    assert len(work) >= 1
