"""A ticket out of reach, looked for through every route that reads: nothing of it is in any answer."""

import json
import re
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from fastapi.dependencies.utils import get_flat_params
from fastapi.params import Query
from sqlalchemy import update

from services.assignment.models import Ticket
from services.assignment.web.page_base import SESSION_COOKIE
from shared.contracts.events import Person
from shared.contracts.vocabulary import Permission
from shared.kit.clock import new_id, utc_now
from tests.services.assignment.desk import AgentApi, Desk, Json, agent_id
from tests.services.assignment.permissions.permission_table import ROUTES, DeclaredRoute
from tests.services.assignment.permissions.test_permissions import Someone, make
from tests.support.eventually import eventually

EVERY = [one.value for one in Permission if not one.value.startswith("admin.")]
STREAMS = ("/v1/stream", "/queue/stream", "/live/rights")
"""These do not end; `test_stream.py` looks at them."""


@dataclass
class Hidden:
    """A ticket of another team with everything a ticket can have, and the words by which it would be known."""

    mark: str
    """A word of its subject, which the attacker searches for."""
    secret: str
    """A word that is in all its texts, addresses and names, and in no question."""
    ticket: Json
    own: Json
    """The attacker's ticket, which is linked with it."""
    ids: dict[str, list[str]] = field(default_factory=dict)
    """What the parameters of paths stand for, by name."""


async def hide(desk: Desk) -> Hidden:
    """Makes the ticket, and one of the attacker's team beside it."""
    ada, mark, secret = await desk.agent("ada"), f"mark{new_id().hex[-8:]}", f"secret{new_id().hex[-8:]}"
    person = Person(email=f"{secret}@{secret}.example", name=f"Dana {secret}")
    words = {"subject": f"{mark} {secret}", "body": f"{mark} {secret}"}
    ticket = await desk.ticket("access", requester=person, **words)
    merged = await desk.ticket("access", requester=person, **words)
    child = await desk.ticket("access", requester=person, **words)
    own = await desk.ticket("online-banking", subject=f"{mark} of my own")
    path = f"/v1/tickets/{ticket['id']}"
    await ada.post(f"{path}/notes", {"body": f"note {secret}"}, expect=201)
    await ada.post(f"{path}/replies", {"body": f"reply {secret}"}, expect=201)
    task = await ada.post(f"{path}/tasks", {"title": f"task {secret}"}, expect=201)
    side = {"to": f"{secret}@supplier.example", "subject": f"side {secret}", "body": f"side {secret}"}
    conversation = await ada.post(f"{path}/side-conversations", side, expect=201)
    await ada.post(f"{path}/tags", {"add": [secret]})
    await ada.post(f"/v1/tickets/{merged['id']}/merge", {"into": ticket["number"]})
    await ada.post(f"/v1/tickets/{own['id']}/links", {"ticket": ticket["id"]})
    await ada.post(f"/v1/tickets/{own['id']}/incident", {"public_title": "Everything is down"})
    attached = await ada.send("POST", f"/v1/tickets/{own['id']}/children", json={"ticket_ids": [child["id"]]})
    assert attached.status_code == 202, attached.text
    organisation = await ada.post("/v1/organisations", {"name": f"Org {new_id().hex}", "domains": []}, expect=201)
    requester = await _requester(ada, str(person.email))
    await ada.patch(f"/v1/requesters/{requester}", {"organisation_id": organisation["id"]})
    report = await ada.post("/v1/saved-reports", {"name": f"report {secret}", "report": "activity"}, expect=201)
    export = await ada.post("/v1/exports", {"filters": {"q": mark}}, expect=202)
    bulk = await ada.post(
        "/v1/bulk", {"action": "notes", "body": {"body": secret}, "ticket_ids": [ticket["id"]]}, expect=202
    )
    shown = (await ada.get(f"{path}/messages"))["items"]
    ids = {
        "message_id": [one["id"] for one in shown],
        "entry_id": [one["id"] for one in shown],
        "task_id": [task["id"]],
        "conversation_id": [conversation["id"]],
        "requester_id": [requester],
        "organisation_id": [organisation["id"]],
        "export_id": [export["id"]],
        "job_id": [bulk["id"], attached.json()["id"]],
        "report_id": [report["id"]],
        "agent_id": [str(agent_id("ada"))],
    }
    await eventually(lambda: _is_done(ada, export["id"]), within=20)
    return Hidden(mark, secret, ticket, own, ids)


async def _requester(ada: AgentApi, email: str) -> str:
    async def found() -> str:
        (one,) = (await ada.get("/v1/requesters", q=email))["items"]
        return str(one["id"])

    return await eventually(found)


async def _is_done(ada: AgentApi, export: str) -> None:
    assert (await ada.get(f"/v1/exports/{export}"))["state"] == "done"


@pytest.fixture(scope="module")
async def hidden(desk: Desk) -> Hidden:
    return await hide(desk)


@pytest.fixture(scope="module", params=["teams", "assigned"])
async def attacker(desk: Desk, hidden: Hidden, request: pytest.FixtureRequest) -> Someone:
    """May do everything to their own tickets, and administers nothing."""
    someone = await make(desk, request.param, EVERY)
    async with desk.database.begin() as session:
        mine = update(Ticket).where(Ticket.id == UUID(hidden.own["id"]))
        await session.execute(mine.values(assignee_id=UUID(someone.id)))
    return someone


def paths(route: DeclaredRoute, hidden: Hidden) -> list[str]:
    """A route with the ids of the hidden ticket, and those of its parts under the attacker's own."""
    found = [route.path]
    for name in re.findall(r"\{(\w+)", route.path):
        tickets = {"ticket": "id", "number": "number"}.get(name)
        values = [hidden.ticket[tickets], hidden.own[tickets]] if tickets else hidden.ids.get(name, [str(new_id())])
        found = [path.replace(f"{{{name}}}", value) for path in found for value in values]
    return found


@pytest.fixture(scope="module")
def parameters(desk: Desk) -> dict[str, frozenset[str]]:
    """The parameters of the query that each route which reads has, by its path."""
    found: dict[str, frozenset[str]] = {}
    for included in desk.app.routes:
        contexts = getattr(included, "effective_route_contexts", None)
        for one in contexts() if contexts else ():
            if "GET" in one.methods:
                fields = get_flat_params(one.dependant)
                found[one.path] = frozenset(each.alias for each in fields if isinstance(each.field_info, Query))
    return found


def queries(route: DeclaredRoute, hidden: Hidden, known: frozenset[str]) -> list[dict[str, Any]]:
    """What is asked of it: nothing, the mark, the past, and everybody's, as far as it has these parameters.

    The API refuses all others (`refuse_unknown_parameters`); a page is asked with all others at once.
    """
    now = utc_now().isoformat().replace("+00:00", "Z")
    if "{ticket}" in route.path or "{number}" in route.path:
        asked: list[dict[str, Any]] = [{}, {"as_of": now}]
    else:
        asked = [{}, {"q": hidden.mark}, {"q": hidden.mark, "as_of": now}, {"view": "all"}]
        asked += [{"view": "all", "q": hidden.mark}, {"q": f"{hidden.mark} team:access-management"}]
    if "report" in route.path:
        day = now[:10]
        asked += [{"from": day, "to": day}, {"by": "agent"}, {"group_by": "team"}, {"team": "access-management"}]
        asked += [{"metric": "resolution"}, {"report": "backlog"}, {"what": "opened"}, {"what": "open"}]
    answered = [{name: value for name, value in one.items() if name in known} for one in asked]
    rest = {name: value for one in asked for name, value in one.items() if name not in known}
    if rest and route.is_page:
        answered.append(rest)
    return [one for place, one in enumerate(answered) if one not in answered[:place]]


async def read(desk: Desk, someone: Someone, route: DeclaredRoute, path: str, query: dict[str, Any]) -> str:
    """The whole answer, headers too."""
    headers = {"Cookie": f"{SESSION_COOKIE}={someone.api.token}"} if route.is_page else {}
    headers |= {} if route.is_page else {"Authorization": f"Bearer {someone.api.token}"}
    answer = await desk.http.get(path, params=query, headers=headers)
    desk.http.cookies.clear()
    assert answer.status_code not in {429, 500}, (path, query, answer.text[:300])
    return f"{json.dumps(dict(answer.headers))}\n{answer.text}"


async def test_no_route_tells_of_a_ticket_out_of_reach(
    desk: Desk, hidden: Hidden, attacker: Someone, parameters: dict[str, frozenset[str]]
) -> None:
    leaks = []
    for route in ROUTES:
        if route.method != "GET" or route.path.startswith("/scim/") or route.path in STREAMS:
            continue
        for path in paths(route, hidden):
            for query in queries(route, hidden, parameters[route.path]):
                said = await read(desk, attacker, route, path, query)
                told = hidden.secret in said or (
                    hidden.ticket["number"] in said and hidden.ticket["number"] not in path
                )
                told |= hidden.ticket["id"] in said and hidden.ticket["id"] not in path
                leaks += [(path, query)] if told else []
    assert leaks == []


async def test_the_sweep_finds_what_an_administrator_sees(
    desk: Desk, hidden: Hidden, parameters: dict[str, frozenset[str]]
) -> None:
    """Beside those routes she reads what no attacker may, with the same questions."""
    ada = await desk.agent("ada")
    someone = Someone(ada, str(agent_id("ada")))
    wanted = {
        "/v1/tickets",
        "/v1/tickets/{ticket}",
        "/v1/tickets/{ticket}/messages",
        "/v1/tickets/{ticket}/tasks",
        "/v1/tickets/{ticket}/links",
        "/v1/tickets/{ticket}/children",
        "/v1/tickets/{ticket}/side-conversations",
        "/v1/tickets/{ticket}/side-conversations/{conversation_id}",
        "/v1/requesters/{requester_id}",
        "/v1/exports/{export_id}/file",
        "/queue",
        "/tickets/{number}",
        "/requesters/{requester_id}",
    }
    found = set()
    for route in ROUTES:
        if route.method != "GET" or route.path.startswith("/scim/"):
            continue
        if route.path not in wanted and "admin." not in route.needs:
            continue
        for path in paths(route, hidden):
            for query in queries(route, hidden, parameters[route.path]):
                if hidden.secret in await read(desk, someone, route, path, query):
                    found.add(route.path)
    assert wanted - found == set()


async def test_counts_do_not_count_it(desk: Desk, hidden: Hidden, attacker: Someone) -> None:
    mine = [one["id"] for one in (await attacker.api.get("/v1/tickets", view="all", q=hidden.mark))["items"]]
    assert mine == [hidden.own["id"]]
    theirs = {"name": "Theirs", "filters": {"team": "access-management"}}
    saved = await attacker.api.post("/v1/views", theirs)
    listed = {one["id"]: one["count"] for one in (await attacker.api.get("/v1/views"))["items"]}
    assert (saved["count"], listed[saved["id"]]) == (0, 0)


async def test_what_writes_does_not_reach_it_either(desk: Desk, hidden: Hidden, attacker: Someone) -> None:
    own, theirs = f"/v1/tickets/{hidden.own['id']}", hidden.ticket
    (message, *_), (task, *_) = hidden.ids["message_id"], hidden.ids["task_id"]
    (conversation, *_) = hidden.ids["conversation_id"]
    tries: list[tuple[str, str, Json]] = [
        ("POST", f"{own}/merge", {"into": theirs["number"]}),
        ("POST", f"{own}/links", {"ticket": theirs["id"]}),
        ("POST", f"{own}/children", {"ticket_ids": [theirs["id"]]}),
        ("POST", f"{own}/split", {"message_id": message}),
        ("PATCH", f"{own}/messages/{message}", {"body": "Mine now."}),
        ("PATCH", f"{own}/tasks/{task}", {"is_done": True}),
        ("DELETE", f"{own}/tasks/{task}", {}),
        ("POST", f"{own}/side-conversations/{conversation}/replies", {"body": "Hello?"}),
        ("GET", f"{own}/messages/{message}/versions", {}),
    ]
    for method, path, body in tries:
        answer = await attacker.api.send(method, path, **({"json": body} if method in {"POST", "PATCH"} else {}))
        assert answer.status_code in {403, 404, 409, 422} or theirs["id"] not in answer.text, (path, answer.text)
        assert hidden.secret not in answer.text, (path, answer.text)
    started = await attacker.api.post(
        "/v1/bulk", {"action": "notes", "body": {"body": "Seen."}, "ticket_ids": [theirs["id"]]}, expect=202
    )

    async def done() -> Json:
        job = await attacker.api.get(f"/v1/bulk/{started['id']}")
        assert job["state"] == "done", job
        return job

    job = await eventually(done)
    assert hidden.secret not in json.dumps(job)
    export = await attacker.api.post("/v1/exports", {"filters": {"q": hidden.mark}}, expect=202)
    await eventually(lambda: _is_done(attacker.api, export["id"]))
    file = (await attacker.api.send("GET", f"/v1/exports/{export['id']}/file")).text
    assert (hidden.own["number"] in file, hidden.secret in file) == (True, False)
    untouched = await (await desk.agent("ada")).get(f"/v1/tickets/{theirs['id']}/messages")
    assert "Mine now." not in json.dumps(untouched)
    assert "Seen." not in json.dumps(await (await desk.agent("ada")).get(f"/v1/tickets/{theirs['id']}/timeline"))
