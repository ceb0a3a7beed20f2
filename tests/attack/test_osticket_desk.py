"""Holes that osTicket had, by class, tried on the desk and the agents' API; SECURITY.md says which is where."""

import time
from urllib.parse import quote

import pytest

from services.assignment.web.page_base import SESSION_COOKIE
from shared.kit.clock import new_id
from tests.services.assignment.browsing import Surfer
from tests.services.assignment.desk import PASSWORD, Desk
from tests.support.active_markup import active_markup

MARKUP = '"><img src=x onerror=alert(1)><script>alert(1)</script>'
INJECTED = (
    "' OR '1'='1' --",
    "'; select pg_sleep(60); --",
    "number desc, (select pg_sleep(60))",
    'x" asc; drop table agents',
)
HUGE = "p" * 400_000


@pytest.mark.parametrize("path", ["/v1/sessions", "/sign-in", "/forgot-password"])
async def test_a_huge_password_or_address_costs_nothing(desk: Desk, path: str) -> None:
    surfer = await Surfer.of(desk.app, "192.0.2.71").open("/?again=yes" if path != "/forgot-password" else path)
    started = time.perf_counter()
    if path.startswith("/v1"):
        sent = {"email": "ada@everdesk.example", "password": HUGE}
        status = (await desk.http.post(path, json=sent)).status_code
    elif path == "/sign-in":
        status = (await surfer.send(path, email="ada@everdesk.example", password=HUGE)).status
    else:
        status = (await surfer.send(path, email=HUGE)).status
    assert status in (401, 413, 422)
    assert time.perf_counter() - started < 10


@pytest.mark.parametrize("text", INJECTED)
async def test_signing_in_and_resetting_are_no_statements(desk: Desk, text: str) -> None:
    started = time.perf_counter()
    for sent in ({"email": text, "password": PASSWORD}, {"email": "ada@everdesk.example", "password": text}):
        assert (await desk.http.post("/v1/sessions", json=sent)).status_code in (401, 422)
    surfer = await Surfer.of(desk.app, "192.0.2.72").open("/forgot-password")
    assert (await surfer.send("/forgot-password", email=text)).status in (200, 422)
    assert time.perf_counter() - started < 50, "nothing of it ran"


@pytest.mark.parametrize("text", INJECTED)
async def test_no_order_filter_or_list_is_a_statement(desk: Desk, text: str) -> None:
    ada, quoted = await desk.agent("ada"), quote(text, safe="")
    started = time.perf_counter()
    for path in ("/v1/tickets", "/v1/audit", "/v1/requesters", "/v1/agents"):
        for name in ("sort", "order", "direction", "status", "status[]", "status[0]", "actor", "q", "cursor"):
            answer = await ada.send("GET", f"{path}?{name}={quoted}")
            assert answer.status_code in (200, 400, 422), (path, name, answer.text)
            assert "syntax" not in answer.text.lower()
    assert time.perf_counter() - started < 50, "nothing of it ran"


async def test_a_planted_session_is_not_the_one_that_signs_in(desk: Desk) -> None:
    planted = "a" * 43
    surfer = Surfer.of(desk.app, "192.0.2.73")
    surfer.http.cookies.set(SESSION_COOKIE, planted, domain="desk.example")
    await surfer.sign_in("bruno@everdesk.example")
    assert (surfer.status, surfer.path) == (200, "/account")
    mine = [cookie.value for cookie in surfer.http.cookies.jar if cookie.name == SESSION_COOKIE]
    assert planted not in mine
    attacker = Surfer.of(desk.app, "192.0.2.74")
    attacker.http.cookies.set(SESSION_COOKIE, planted, domain="desk.example")
    assert (await attacker.open("/account")).path == "/"


async def test_names_that_administrators_give_are_words_in_every_page(desk: Desk) -> None:
    ada, name = await desk.agent("ada"), f"{MARKUP} {new_id().hex[-6:]}"
    targets = {"normal": {"first_response": 60, "resolution": 600}}
    await ada.post("/v1/sla-policies", {"name": name, "calendar": "always", "targets": targets}, expect=201)
    await ada.post("/v1/agents", {"email": f"{new_id().hex}@everdesk.example", "name": name}, expect=201)
    surfer = await Surfer.of(desk.app, "192.0.2.75").sign_in("ada@everdesk.example")
    for path in ("/admin/sla-policies", "/admin/agents", "/admin/audit", f"/admin/audit?q={quote(MARKUP)}"):
        await surfer.open(path)
        assert (surfer.status, active_markup(surfer.page)) == (200, []), path
    await surfer.open("/admin/audit")
    assert "&lt;script&gt;" in surfer.page


async def test_what_requesters_write_is_words_in_the_queue_the_ticket_and_its_print(desk: Desk) -> None:
    person = {"email": f"{new_id().hex}@bank.example", "name": MARKUP}
    ticket = await desk.ticket(subject=MARKUP, body=f"{MARKUP} words", requester=person)
    surfer = await Surfer.of(desk.app, "192.0.2.76").sign_in("ada@everdesk.example")
    number = ticket["number"]
    for path in (f"/tickets/{number}", f"/tickets/{number}/print", f"/tickets/{number}/timeline", f"/queue?q={number}"):
        await surfer.open(path)
        assert (surfer.status, active_markup(surfer.page)) == (200, []), path


@pytest.mark.parametrize(
    "path", ["/queue?sort={0}&q={0}&view={0}", "/tickets/{0}", "/queue/suggestions?q={0}", "/nowhere/{0}"]
)
async def test_nothing_of_an_address_comes_back_as_markup(desk: Desk, path: str) -> None:
    surfer = await Surfer.of(desk.app, "192.0.2.77").sign_in("ada@everdesk.example")
    answer = await surfer.http.get(path.format(quote(MARKUP, safe="")), follow_redirects=True)
    assert answer.status_code < 500
    assert answer.headers["x-content-type-options"] == "nosniff"
    if answer.headers["content-type"].startswith("text/html"):
        assert active_markup(answer.text) == []


@pytest.mark.parametrize(
    "field", ["is_superuser", "permissions", "password_hash", "second_factor", "id", "memberships.0.role"]
)
async def test_an_agent_sets_no_field_that_is_not_part_of_the_action(desk: Desk, field: str) -> None:
    ada = await desk.agent("ada")
    me = (await ada.get("/v1/me"))["agent"]["id"]
    for method, path in (("PATCH", f"/v1/agents/{me}"), ("PATCH", "/v1/me"), ("POST", "/v1/sessions")):
        answer = await ada.send(method, path, json={field: "x", "email": "ada@everdesk.example", "password": PASSWORD})
        assert answer.status_code in (404, 405, 422), (method, path, answer.text)
