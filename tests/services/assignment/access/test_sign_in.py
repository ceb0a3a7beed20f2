"""Signing in: the lockout counts on the server, a signed-out token is dead."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import pytest

from services.assignment.access import sessions, sign_in
from services.assignment.access.attempts import lock_after
from shared.kit.addresses import NOT_SERVED
from shared.kit.clock import new_id
from shared.kit.http import error_handlers
from tests.services.assignment.desk import PASSWORD, AgentApi, Desk, agent_id


async def test_a_session_works_until_it_is_signed_out(desk: Desk) -> None:
    answer = await desk.http.post("/v1/sessions", json={"email": "BRUNO@everdesk.example", "password": PASSWORD})
    session = answer.json()
    assert session["token_type"] == "bearer"
    bruno = AgentApi(desk.http, session["access_token"])
    me = await bruno.get("/v1/me")
    assert me["agent"]["id"] == str(agent_id("bruno"))
    assert {membership["team"] for membership in me["memberships"]} == {"online-banking", "service-desk"}
    assert "admin.agents" in me["permissions"]
    assert (await bruno.send("DELETE", "/v1/sessions")).status_code == 204
    assert (await bruno.send("GET", "/v1/me")).status_code == 401


async def test_an_international_domain_is_one_however_it_is_written(desk: Desk) -> None:
    ada, mailbox = await desk.agent("ada"), f"ida-{new_id().hex}"
    made = await ada.post("/v1/agents", {"email": f"{mailbox}@bücher.example", "name": "Ida", "password": PASSWORD})
    assert made["email"] == f"{mailbox}@xn--bcher-kva.example"
    for domain in ("bücher.example", "BÜCHER.example", "xn--bcher-kva.example"):
        sent = {"email": f"{mailbox}@{domain}", "password": PASSWORD}
        assert (await desk.http.post("/v1/sessions", json=sent)).status_code == 201, domain
    same = {"email": f"{mailbox}@xn--bcher-kva.example", "name": "Twin", "password": PASSWORD}
    assert (await ada.send("POST", "/v1/agents", json=same)).status_code == 409
    wrong = [
        (await desk.http.post("/v1/sessions", json={"email": f"{mailbox}@{domain}", "password": "x" * 12})).status_code
        for domain in ("bücher.example", "xn--bcher-kva.example") * 3
    ]
    assert wrong == [401] * 5 + [429], "both count as one account"
    refused = await ada.send("POST", "/v1/agents", json=same | {"email": "jürgen@bücher.example"})
    assert NOT_SERVED in refused.text


async def test_five_failures_lock_the_account_even_for_the_right_password(desk: Desk) -> None:
    ada, email = await desk.agent("ada"), f"{new_id().hex}@everdesk.example"
    await ada.post("/v1/agents", {"email": email, "name": "Locked", "password": PASSWORD})
    wrong = {"email": email, "password": "wrong-password"}
    answers = await asyncio.gather(*(desk.http.post("/v1/sessions", json=wrong) for _ in range(8)))
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [401] * 5 + [429] * 3, "attempts sent at once do not outrun the count"
    refused = await desk.http.post("/v1/sessions", json={"email": email, "password": PASSWORD})
    assert (refused.status_code, refused.json()["code"]) == (429, "locked_out")
    assert 800 < int(refused.headers["retry-after"]) <= 900


async def test_an_unknown_address_gets_the_same_words_as_a_wrong_password(desk: Desk) -> None:
    bodies = []
    for email in (f"{new_id().hex}@everdesk.example", "dmitri@everdesk.example"):
        answer = await desk.http.post("/v1/sessions", json={"email": email, "password": "wrong-password"})
        bodies.append({name: value for name, value in answer.json().items() if name != "request_id"})
        assert answer.status_code == 401
    assert bodies[0] == bodies[1]


async def test_an_agent_who_is_switched_off_is_out_at_once(desk: Desk) -> None:
    ada, email = await desk.agent("ada"), f"{new_id().hex}@everdesk.example"
    agent = await ada.post("/v1/agents", {"email": email, "name": "Gone", "password": PASSWORD})
    gone = await desk.agent(email)
    await ada.patch(f"/v1/agents/{agent['id']}", {"is_active": False})
    assert (await gone.send("GET", "/v1/me")).status_code == 401
    answer = await desk.http.post("/v1/sessions", json={"email": email, "password": PASSWORD})
    assert answer.json()["code"] == "wrong_credentials"
    own = await ada.patch(f"/v1/agents/{agent_id('ada')}", {"is_active": False}, expect=409)
    assert own["code"] == "own_account"


@pytest.mark.parametrize(
    ("failures", "lasts"),
    [
        (1, None),
        (4, None),
        (5, timedelta(minutes=15)),
        (6, None),
        (10, timedelta(minutes=30)),
        (15, timedelta(hours=1)),
        (500, timedelta(hours=24)),
    ],
)
def test_a_lock_lasts_longer_each_time(failures: int, lasts: timedelta | None) -> None:
    assert lock_after(failures, 5) == lasts


async def test_signing_in_and_being_refused_is_logged_without_the_address(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = list[tuple[str, dict[str, object]]]()
    for module in (sign_in, sessions, error_handlers):
        monkeypatch.setattr(module, "log", KeptLines(lines))
    email, vera = f"{new_id().hex}@everdesk.example", "vera@everdesk.example"
    for sent in ((email, "wrong-password"), (vera, "wrong-password"), (vera, PASSWORD)):
        await desk.http.post("/v1/sessions", json={"email": sent[0], "password": sent[1]})
    assert lines == [
        ("sign_in.refused", {"reason": "wrong_credentials", "agent_id": None}),
        ("http.refused", {"route": "/sessions", "status": 401, "code": "wrong_credentials"}),
        ("sign_in.refused", {"reason": "wrong_credentials", "agent_id": str(agent_id("vera"))}),
        ("http.refused", {"route": "/sessions", "status": 401, "code": "wrong_credentials"}),
        (
            "sign_in.succeeded",
            {"agent_id": str(agent_id("vera")), "method": "password", "second_factor": None, "channel": "api"},
        ),
    ]


@dataclass
class KeptLines:
    """A log that keeps its lines."""

    lines: list[tuple[str, dict[str, object]]]

    def info(self, event: str, **values: object) -> None:
        """Keeps one."""
        self.lines.append((event, values))
