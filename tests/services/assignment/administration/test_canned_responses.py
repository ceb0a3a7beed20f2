"""Canned responses: written by administrators, offered where they fit, filled in without executing anything."""

import pytest

from services.assignment.canned_variables import fill_in, unknown_variables
from shared.kit.clock import new_id
from tests.services.assignment.desk import Desk, Json, team_id
from tests.services.assignment.permissions.test_permissions import make

PATH = "/v1/canned-responses"


def unique(word: str) -> str:
    return f"{word} {new_id().hex[-8:]}"


async def added(desk: Desk, title: str = "", body: str = "Hello {{requester.name}}", team: str = "") -> Json:
    ada = await desk.agent("ada")
    sent = {"title": title or unique("Answer"), "body": body} | ({"team_id": str(team_id(team))} if team else {})
    return await ada.post(PATH, sent, expect=201)


async def test_one_is_added_changed_listed_and_removed_and_each_is_in_the_audit_log(desk: Desk) -> None:
    ada = await desk.agent("ada")
    made = await added(desk, body="Hello {{requester.first_name}}, **thank you**.")
    changed = await ada.patch(f"{PATH}/{made['id']}", {"body": "Hello.", "team_id": str(team_id("access-management"))})
    assert (changed["body"], changed["version"]) == ("Hello.", 2)
    assert made["title"] in [one["title"] for one in (await ada.get(PATH, q=made["title"]))["items"]]
    removed = await ada.send("DELETE", f"{PATH}/{made['id']}")
    assert removed.status_code == 204
    await ada.get(f"{PATH}/{made['id']}", expect=404)
    log = (await ada.get("/v1/audit", subject=made["id"]))["items"]
    assert [entry["action"] for entry in log] == [
        "canned-response.removed",
        "canned-response.changed",
        "canned-response.added",
    ]
    assert log[1]["before"]["body"] == "Hello {{requester.first_name}}, **thank you**."


async def test_it_is_filled_in_for_a_ticket(desk: Desk) -> None:
    ada, ticket = await desk.agent("ada"), await desk.some_ticket()
    made = await added(desk, body="{{requester.first_name}}: {{ ticket.number }}, {{team.name}}, {{agent.first_name}}")
    filled = await ada.get(f"{PATH}/{made['id']}/rendered", ticket=ticket["number"])
    assert filled["body"] == f"Dana: {ticket['number']}, {ticket['team']['name']}, Ada"
    assert filled["body_format"] == "markdown"


async def test_it_is_offered_where_it_fits(desk: Desk) -> None:
    ticket = await desk.some_ticket()
    here, elsewhere = await added(desk, team="online-banking"), await added(desk, team="access-management")
    everywhere = await added(desk)
    member = await make(desk, "teams", ["ticket.view", "ticket.reply"])
    offered = {one["id"] for one in (await member.api.get(PATH, ticket=ticket["id"]))["items"]}
    assert {here["id"], everywhere["id"]} <= offered
    assert elsewhere["id"] not in offered
    await member.api.get(f"{PATH}/{elsewhere['id']}", expect=404)
    await member.api.get(f"{PATH}/{elsewhere['id']}/rendered", expect=404, ticket=ticket["id"])


async def test_a_ticket_out_of_sight_fills_in_nothing(desk: Desk) -> None:
    hidden, made = await desk.ticket("access"), await added(desk)
    member = await make(desk, "teams", ["ticket.view"])
    await member.api.get(f"{PATH}/{made['id']}/rendered", expect=404, ticket=hidden["id"])
    await member.api.get(PATH, expect=404, ticket=hidden["id"])


@pytest.mark.parametrize(
    ("changed", "pointer"),
    [
        ({"body": "{{requester.password}}"}, "/body"),
        ({"body": " "}, "/body"),
        ({"title": ""}, "/title"),
        ({"team_id": str(new_id())}, "/team_id"),
    ],
)
async def test_what_would_fail_an_agent_later_is_refused_at_once(desk: Desk, changed: Json, pointer: str) -> None:
    ada = await desk.agent("ada")
    sent = {"title": unique("Wrong"), "body": "Hello"} | changed
    refused = await ada.post(PATH, sent, expect=422)
    assert [one["pointer"] for one in refused["errors"]] == [pointer]


async def test_a_title_is_there_once(desk: Desk) -> None:
    ada, made = await desk.agent("ada"), await added(desk)
    await ada.post(PATH, {"title": made["title"], "body": "Again"}, expect=409)


@pytest.mark.parametrize(
    ("body", "value", "said"),
    [
        ("Hi {{requester.name}}", "[pay](https://evil.example)", r"Hi \[pay\](https://evil.example)"),
        ("Hi {{requester.name}}", "<script>", r"Hi \<script\>"),
        ("Hi {{requester.name}}", "a\n\n# b", r"Hi a \# b"),
        ("Hi {{requester.name}}", "{{agent.name}}", r"Hi \{\{agent.name\}\}"),
        ("{{ 7*7 }} {% raw %} {{requester.__class__}}", "x", "{{ 7*7 }} {% raw %} {{requester.__class__}}"),
        ("{{requester.name}", "x", "{{requester.name}"),
    ],
)
def test_values_stay_words_and_nothing_is_evaluated(body: str, value: str, said: str) -> None:
    assert fill_in(body, {"requester.name": value, "agent.name": "Ada"}) == said


def test_unknown_names_are_told_once_each() -> None:
    assert unknown_variables("{{a}} {{agent.name}} {{ b.c }} {{a}}") == ["a", "b.c"]
