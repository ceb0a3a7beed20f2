"""Closing and reopening, carried out by the real workflow."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx2
import pytest

from deploy.local.engines import Stack
from services.intake.access.key_scopes import KeyScope
from services.intake.app_state import AppState
from shared.contracts.base import TicketId
from shared.contracts.commands import OpenTicket
from shared.contracts.events import MessagePosted, TicketSubmitted
from shared.contracts.names import STREAM
from shared.kit.clock import utc_now
from shared.kit.http.form_tokens import CSRF_COOKIE
from tests.services.intake.harness import IntakeHarness, Json
from tests.services.intake.web.test_portal import path_of, send
from tests.support.eventually import eventually
from tests.support.settings import common_environment
from workflows.worker import WorkerSettings, working


@pytest.fixture(scope="module")
async def worker(engines: Stack, intake: IntakeHarness) -> AsyncIterator[None]:
    """The real workflows, without the tickets of all tests before, and gone without a trace after."""
    js = await intake.bus.jetstream()
    for written in (TicketSubmitted, MessagePosted):
        await js.purge_stream(STREAM, subject=written.subjects())
    common = {name.removeprefix("EVERDESK_").lower(): value for name, value in common_environment(engines).items()}
    values: dict[str, Any] = {name: common[name] for name in common.keys() & WorkerSettings.model_fields.keys()}
    async with working(WorkerSettings(**values)):
        yield
    await js.delete_consumer(STREAM, "workflows")


async def opened(intake: IntakeHarness) -> Json:
    """A ticket whose workflow runs; starting it is the assignment service's part, which is not here."""
    ticket = await intake.submit()
    state: AppState = intake.app.state.app_state
    opening = OpenTicket(ticket_id=TicketId(UUID(ticket["id"])), number=ticket["number"], opened_at=utc_now())
    await state.tickets.start(opening.model_copy(update={"has_exact_timer": True, "has_search_attributes": False}))
    return ticket


async def once_started(intake: IntakeHarness, ticket: Json, action: str, **arguments: Any) -> httpx2.Response:
    """The answer to an action, once the ticket's workflow has begun."""

    async def attempt() -> httpx2.Response:
        async with intake.client() as http:
            answer = await http.post(f"/v1/tickets/{ticket['id']}/{action}", **arguments)
        assert answer.json().get("code") != "unknown_ticket"
        return answer

    return await eventually(attempt, within=30)


async def test_a_ticket_is_closed_and_reopened(intake: IntakeHarness, worker: None) -> None:
    ticket = await opened(intake)
    closed = await once_started(intake, ticket, "close", json={"reason": "withdrawn"})
    assert closed.status_code == 200, closed.text
    assert closed.json()["status"] == "closed"
    assert closed.headers["etag"].startswith(f'"{closed.json()["revision"]}-')
    async with intake.client() as http:
        path = f"/v1/tickets/{ticket['id']}"
        seen = await http.get(path)
        assert seen.json() == closed.json(), "the one who closed it reads its own write"
        assert seen.headers["etag"] == closed.headers["etag"]
        again = await http.post(f"{path}/close", json={})
        assert (again.status_code, again.json()["code"]) == (409, "illegal_transition")
        stale = await http.post(f"{path}/reopen", headers={"If-Match": '"0"'})
        assert (stale.status_code, stale.json()["code"]) == (412, "version_conflict")
        reopened = await http.post(f"{path}/reopen", headers={"If-Match": closed.headers["etag"]})
        assert (reopened.status_code, reopened.json()["status"]) == (200, "open")


async def test_a_retried_close_takes_effect_once(intake: IntakeHarness, worker: None) -> None:
    ticket = await opened(intake)
    headers = {"Idempotency-Key": "close-once"}
    first = await once_started(intake, ticket, "close", json={"reason": "duplicate"}, headers=headers)
    async with intake.client() as http:
        path = f"/v1/tickets/{ticket['id']}"
        second = await http.post(f"{path}/close", json={"reason": "duplicate"}, headers=headers)
        other = await http.post(f"{path}/close", json={"reason": "spam"}, headers=headers)
    assert (first.status_code, first.text) == (second.status_code, second.text)
    assert second.headers["idempotent-replayed"] == "true"
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        ({"If-Match": "nonsense"}, {}, 422, "invalid_etag"),
        ({}, {"reason": "bored"}, 422, "invalid_input"),
        ({}, {"comment": "x"}, 422, "invalid_input"),
    ],
)
async def test_a_close_that_makes_no_sense_is_refused(
    intake: IntakeHarness, headers: dict[str, str], body: Json, status: int, code: str
) -> None:
    ticket = await intake.submit()
    async with intake.client() as http:
        answer = await http.post(f"/v1/tickets/{ticket['id']}/close", json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_the_requester_closes_and_reopens_in_the_portal(intake: IntakeHarness, worker: None) -> None:
    ticket = await opened(intake)
    path = path_of(ticket["access_url"])
    async with intake.browser() as browser:
        await browser.get(path)
        assert CSRF_COOKIE in browser.cookies

        async def close() -> httpx2.Response:
            answer = await send(browser, f"{path}/close", reason="resolved", form_id="close")
            assert answer.status_code == 200, "still being opened"
            return answer

        closed = await eventually(close, within=30)
        assert "Your request is closed." in closed.text
        reopened = await send(browser, f"{path}/reopen", form_id="reopen")
        assert "Your request is open again." in reopened.text
        refused = await send(browser, f"{path}/reopen", form_id="reopen-again")
        assert refused.status_code == 409
        assert "That is not possible now" in refused.text


async def test_a_recovered_alert_resolves_its_ticket_and_reopens_it(intake: IntakeHarness, worker: None) -> None:
    state: AppState = intake.app.state.app_state
    key = await intake.make_key(KeyScope.ALERT)

    async def report(status: str, becomes: str) -> None:
        async with intake.client(key) as http:
            told = (await http.post("/v1/alerts", json={"title": "Disk full", "status": status})).json()
        opening = OpenTicket(ticket_id=TicketId(UUID(told["ticket_id"])), number="1", opened_at=utc_now())
        await state.tickets.start(opening.model_copy(update={"has_exact_timer": True, "has_search_attributes": False}))

        async def has_become() -> bool:
            return (await intake.stored(told["ticket_id"])).status == becomes

        await eventually(has_become, within=30)

    await report("firing", "new")
    await report("resolved", "closed")
    await report("firing", "open")
    await report("resolved", "resolved")
    await report("firing", "open")
