"""Whatever comes in, the answer says what is wrong with it, and is never an internal error."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.services.assignment.desk import Desk

JSON = {"Content-Type": "application/json"}
PARAMETERS = ("q", "team", "assignee", "topic", "tag", "status", "priority", "view", "sort", "limit", "cursor", "zzz")
TYPED_FIELDS = {"assign": "agent_id", "hold": "reason", "set-due": "due_at", "prioritise": "priority"}
NASTY = ["\0", "\ud800", "a\0b", "'; drop table tickets; --", "%", "\\", "🦄" * 300, "x" * 5000, "../../etc/passwd"]


@pytest.mark.parametrize("text", NASTY, ids=repr)
async def test_queries_of_a_list_survive_anything(desk: Desk, text: str) -> None:
    ada = await desk.agent("ada")
    quoted = text.encode("utf-8", "surrogatepass")
    for name in PARAMETERS:
        for path in ("/v1/tickets", "/v1/reports/sla"):
            answer = await ada.send("GET", f"{path}?{name}={quote(quoted)}")
            assert answer.status_code < 500, (path, name, answer.text)


@pytest.mark.parametrize("text", NASTY, ids=repr)
async def test_references_and_bodies_survive_anything(desk: Desk, text: str) -> None:
    ada, ticket = await desk.agent("ada"), await desk.some_ticket()
    reference = quote(text.encode("utf-8", "surrogatepass"), safe="")
    for tail in ("", "/messages", "/timeline"):
        answer = await ada.send("GET", f"/v1/tickets/{reference}{tail}")
        assert answer.status_code in (404, 422), answer.text
    for action, field in TYPED_FIELDS.items():
        body: Any = b'{"%s": %s}' % (field.encode(), _json(text))
        answer = await ada.send("POST", f"/v1/tickets/{ticket['id']}/{action}", content=body, headers=JSON)
        assert answer.status_code in (400, 422), answer.text
    credentials = b'{"email": %s, "password": %s}' % (_json(text), _json(text))
    sessions = await ada.send("POST", "/v1/sessions", content=credentials, headers=JSON)
    assert sessions.status_code in (400, 401, 422), sessions.text


def _json(text: str) -> bytes:
    return json.dumps(text).encode()


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("replies", b"{", 400),
        ("replies", b"[]", 422),
        ("replies", b"null", 422),
        ("replies", b'{"body": ""}', 422),
        ("replies", b'{"body": "  \\n "}', 422),
        ("replies", b'{"body": "a\\u0000b"}', 422),
        ("replies", b'{"body": 7}', 422),
        ("replies", b'{"body": "x", "body_format": "docx"}', 422),
        ("replies", b'{"body": "x", "to": "everyone"}', 422),
        ("pend", b'{"coment": "typo"}', 422),
        ("set-due", b'{"due_at": "tomorrow"}', 422),
        ("set-due", b'{"due_at": "2026-12-01T10:00:00"}', 422),
        ("set-due", b'{"due_at": "9999-12-31T23:59:59Z"}', 422),
        ("tags", b'{"add": ["UPPER CASE"]}', 422),
        ("close", b'{"reason": "bored"}', 422),
        ("assign", b"{}", 422),
        ("transfer", b'{"team_id": "00000000-0000-0000-0000-000000000000"}', 422),
        ("change-policy", b'{"policy_id": "00000000-0000-0000-0000-000000000000"}', 422),
        ("explode", b"{}", 404),
    ],
)
async def test_wrong_bodies_are_refused_with_a_reason(desk: Desk, path: str, body: bytes, status: int) -> None:
    ada, ticket = await desk.agent("ada"), await desk.some_ticket()
    answer = await ada.send("POST", f"/v1/tickets/{ticket['id']}/{path}", content=body, headers=JSON)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


@pytest.mark.parametrize("tag", ["banana", '"x"', "W/", '"99999999999999999999"', "-1"])
async def test_an_etag_that_is_not_ours_is_refused(desk: Desk, tag: str) -> None:
    ada, ticket = await desk.agent("ada"), await desk.some_ticket()
    answer = await ada.send("POST", f"/v1/tickets/{ticket['id']}/pend", json={}, headers={"If-Match": tag})
    assert answer.status_code in (412, 422)


async def test_unknown_parameters_are_refused_not_ignored(desk: Desk) -> None:
    ada, ticket = await desk.agent("ada"), await desk.some_ticket()
    for path in (f"/v1/tickets/{ticket['id']}/sla", "/v1/teams"):
        refused = await ada.get(path, expect=422, as_of="2026-01-01T00:00:00Z")
        assert refused["code"] == "not_supported"
    assert (await ada.get("/v1/tickets", expect=422, sttus="open"))["errors"][0]["pointer"] == "query:sttus"


async def test_pages_follow_each_other_without_gaps_in_every_order(desk: Desk) -> None:
    ada = await desk.agent("ada")
    await desk.some_ticket()
    whole = {item["id"] for item in (await ada.get("/v1/tickets", limit=200))["items"]}
    for sort in ("-updated_at", "updated_at", "-created_at", "created_at", "due_at", "-priority", "priority"):
        seen: list[str] = []
        cursor: dict[str, Any] = {}
        while True:
            page = await ada.get("/v1/tickets", limit=7, sort=sort, **cursor)
            seen += [item["id"] for item in page["items"]]
            if page["next_cursor"] is None:
                break
            cursor = {"cursor": page["next_cursor"]}
        assert len(seen) == len(set(seen))
        assert set(seen) >= whole or len(whole) == 200
    page = await ada.get("/v1/tickets", limit=1)
    if page["next_cursor"]:
        refused = await ada.get("/v1/tickets", expect=422, sort="priority", cursor=page["next_cursor"])
        assert refused["code"] == "invalid_cursor"
