"""What agents arrange around tickets: links of every kind, and tasks that can block resolving."""

from sqlalchemy import select

from services.assignment.models import LoggedEvent
from shared.contracts.events import TicketLinked, TicketTaskChanged
from shared.kit.clock import new_id
from tests.services.assignment.conversation.test_composing import announced
from tests.services.assignment.desk import Desk, Json, agent_id, team_id
from tests.services.assignment.permissions.test_permissions import make


async def kinds(desk: Desk, ticket: Json) -> set[tuple[str, str]]:
    """The links of a ticket as its page shows them: the other's id, and what it is to this one."""
    ada = await desk.agent("ada")
    links = (await ada.get(f"/v1/tickets/{ticket['id']}/links"))["items"]
    return {(link["ticket"]["id"], link["kind"]) for link in links}


async def test_a_child_has_one_parent_and_no_ticket_is_above_itself(desk: Desk) -> None:
    top, middle, leaf = await desk.ticket(), await desk.ticket(), await desk.ticket()
    ada = await desk.agent("ada")
    await ada.post(f"/v1/tickets/{top['id']}/links", {"ticket": middle["number"], "kind": "child"})
    await ada.post(f"/v1/tickets/{leaf['id']}/links", {"ticket": middle["number"], "kind": "parent"})
    assert await kinds(desk, top) == {(middle["id"], "child")}
    assert await kinds(desk, middle) == {(top["id"], "parent"), (leaf["id"], "child")}
    path = f"/v1/tickets/{leaf['id']}/links"
    refused = await ada.post(path, {"ticket": top["number"], "kind": "child"}, expect=422)
    assert "its own parent" in refused["detail"]
    refused = await ada.post(path, {"ticket": top["number"], "kind": "parent"}, expect=422)
    assert middle["number"] in refused["detail"]
    event = await announced(desk, TicketLinked, leaf)
    assert (str(event.other_id), event.kind) == (middle["id"], "parent")


async def test_linking_needs_edit_on_both_tickets(desk: Desk) -> None:
    mine, theirs = await desk.ticket(), await desk.ticket(topic="access")
    someone = await make(desk, "teams", ["ticket.view", "ticket.edit"])
    ada = await desk.agent("ada")
    reading = await ada.post("/v1/roles", {"name": new_id().hex, "scope": "teams", "permissions": ["ticket.view"]})
    agent = await ada.get(f"/v1/agents/{someone.id}")
    memberships = [
        *({"team_id": one["team_id"], "role_id": one["role_id"]} for one in agent["memberships"]),
        {"team_id": str(team_id("access-management")), "role_id": reading["id"]},
    ]
    await ada.patch(f"/v1/agents/{someone.id}", {"memberships": memberships})
    refused = await someone.api.post(f"/v1/tickets/{mine['id']}/links", {"ticket": theirs["number"]}, expect=403)
    assert refused["permission"] == "ticket.edit"


async def test_tasks_keep_their_order_and_say_who_did_them(desk: Desk) -> None:
    ticket, ada = await desk.ticket(), await desk.agent("ada")
    path = f"/v1/tickets/{ticket['id']}/tasks"
    made = [await ada.post(path, {"title": title}, expect=201) for title in ("One", "Two", "Three")]
    await ada.patch(f"{path}/{made[2]['id']}", {"position": 1})
    done = await ada.patch(f"{path}/{made[0]['id']}", {"is_done": True, "assignee_id": str(agent_id("bruno"))})
    assert (done["is_done"], done["done_by"]["id"], done["assignee"]["id"]) == (
        True,
        str(agent_id("ada")),
        str(agent_id("bruno")),
    )
    assert [(one["title"], one["position"]) for one in (await ada.get(path))["items"]] == [
        ("Three", 1),
        ("One", 2),
        ("Two", 3),
    ]
    assert (await ada.send("DELETE", f"{path}/{made[2]['id']}")).status_code == 204
    assert [(one["title"], one["position"]) for one in (await ada.get(path))["items"]] == [("One", 1), ("Two", 2)]
    again = await ada.patch(f"{path}/{made[0]['id']}", {"is_done": False, "assignee_id": None})
    assert (again["is_done"], again["done_by"], again["assignee"]) == (False, None, None)
    for wrong in ({"title": ""}, {"title": "x", "assignee_id": str(new_id())}, {"title": "x", "extra": 1}):
        await ada.post(path, wrong, expect=422)
    await ada.patch(f"{path}/{new_id()}", {"is_done": True}, expect=404)
    event = await announced(desk, TicketTaskChanged, ticket)
    assert (event.task_id.hex, event.change) == (made[0]["id"].replace("-", ""), "undone")
    async with desk.database.begin() as session:
        query = select(LoggedEvent.data).where(LoggedEvent.ticket_id == ticket["id"])
        lines = (await session.scalars(query.where(LoggedEvent.type == "ticket.task_changed"))).all()
    assert {line["change"] for line in lines} == {"added", "done", "undone", "removed"}
    assert not any("One" in str(line) for line in lines)


async def test_a_blocking_task_keeps_the_ticket_from_being_resolved(desk: Desk) -> None:
    ticket, ada = await desk.ticket(), await desk.agent("ada")
    path = f"/v1/tickets/{ticket['id']}"
    task = await ada.post(f"{path}/tasks", {"title": "Tell the branch", "is_blocking": True}, expect=201)
    await ada.post(f"{path}/tasks", {"title": "Write it up"}, expect=201)
    for action, body in (("resolve", {}), ("close", {"reason": "resolved"})):
        refused = await ada.post(f"{path}/{action}", body, expect=409)
        assert (refused["code"], [one["title"] for one in refused["tasks"]]) == (
            "blocked_by_tasks",
            ["Tell the branch"],
        )
    assert (await ada.get(path))["status"] == "open"
    await ada.patch(f"{path}/tasks/{task['id']}", {"is_done": True})
    assert (await ada.post(f"{path}/resolve"))["status"] == "resolved"
