"""The operators' API: closed without the token, and enough to see and mend what went wrong."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from alembic import command

from services.notification.delivery.templates import TemplateName
from services.notification.settings import NotificationSettings
from shared.contracts.events import AgentChanged
from shared.kit.bus import BusMessage
from shared.kit.clock import new_id
from shared.kit.db import alembic_config
from tests.services.notification.mail_server import MailServer
from tests.services.notification.running import OPERATOR, Running
from tests.services.notification.ticket_events import TicketEvents
from tests.support.eventually import eventually

ROUTES = [
    ("GET", "/v1/deliveries"),
    ("POST", "/v1/deliveries/01990a4e-3c00-7000-8000-000000000001/retry"),
    ("GET", "/v1/templates"),
    ("GET", "/v1/dead-letters"),
    ("GET", "/v1/dead-letters/1"),
    ("POST", "/v1/dead-letters/1/replay"),
    ("GET", "/v1/audit"),
    ("GET", "/v1/webhooks"),
    ("POST", "/v1/webhooks"),
    ("DELETE", "/v1/webhooks/01990a4e-3c00-7000-8000-000000000001"),
    ("POST", "/v1/webhooks/01990a4e-3c00-7000-8000-000000000001/rotate-secret"),
    ("GET", "/v1/webhooks/01990a4e-3c00-7000-8000-000000000001/deliveries"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic abc", "Bearer the-operators-own-tokem"])
async def test_nothing_is_shown_without_the_token(service: Running, method: str, path: str, header: str | None) -> None:
    answer = await service.http.request(method, path, headers={"Authorization": header} if header else {})
    assert answer.status_code == 401
    assert answer.json()["code"] == "operator_token_required"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_where_no_token_is_set_nobody_gets_in(service: Running) -> None:
    state = service.app.state.app_state
    service.app.state.app_state = replace(state, settings=state.settings.model_copy(update={"operator_token": None}))
    for sent in (OPERATOR, {"Authorization": "Bearer "}, {}):
        assert (await service.http.get("/v1/deliveries", headers=sent)).status_code == 401
    assert (await service.http.get("/healthz")).status_code == 200
    assert (await service.http.get("/metrics")).status_code == 200
    service.app.state.app_state = state


async def test_the_ledger_comes_in_pages_newest_first(service: Running, mail_server: MailServer) -> None:
    story = TicketEvents()
    await service.publish(story.submitted(), *(story.link_requested() for _ in range(4)))
    await eventually(lambda: len(mail_server.about(story.number)) == 5)
    seen: list[str] = []
    params: dict[str, Any] = {"ticket_id": str(story.ticket_id), "limit": 2}
    while True:
        page = (await service.http.get("/v1/deliveries", params=params, headers=OPERATOR)).json()
        seen += [row["id"] for row in page["items"]]
        if page["next_cursor"] is None:
            break
        params["cursor"] = page["next_cursor"]
    assert len(seen) == 5
    assert seen == sorted(seen, reverse=True)


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "status=lost", "ticket_id=7", "cursor=!!", "cursor=WzFd"])
async def test_a_wrong_question_is_answered_422(service: Running, query: str) -> None:
    answer = await service.http.get(f"/v1/deliveries?{query}", headers=OPERATOR)
    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("application/problem+json")


async def test_an_unknown_delivery_is_not_found(service: Running) -> None:
    answer = await service.http.post(f"/v1/deliveries/{new_id()}/retry", headers=OPERATOR)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_the_templates_are_listed(service: Running) -> None:
    items = (await service.http.get("/v1/templates", headers=OPERATOR)).json()["items"]
    assert {item["name"] for item in items} == set(TemplateName)
    assert {"name", "event", "audience", "subject", "version"} == set(items[0])


async def test_a_dead_letter_is_read_and_replayed(service: Running) -> None:
    subject = f"{AgentChanged.type()}.{new_id()}"
    await service.bus.publish_until_acknowledged([BusMessage(str(new_id()), subject, b"not an envelope")])
    letter = await eventually(lambda: _dead_letter(service, subject))
    assert letter["consumer"] == "notification"

    detail = (await service.http.get(f"/v1/dead-letters/{letter['sequence']}", headers=OPERATOR)).json()
    assert detail["event"] == "not an envelope"

    headers = OPERATOR | {"Idempotency-Key": subject}
    replayed = await service.http.post(f"/v1/dead-letters/{letter['sequence']}/replay", headers=headers)
    assert (replayed.status_code, replayed.json()["sequence"]) == (200, letter["sequence"])
    again = await service.http.post(f"/v1/dead-letters/{letter['sequence']}/replay", headers=headers)
    assert again.json() == replayed.json()
    gone = await service.http.get(f"/v1/dead-letters/{letter['sequence']}", headers=OPERATOR)
    assert gone.status_code == 404


async def test_the_documents_are_served(service: Running) -> None:
    openapi = (await service.http.get("/openapi.json")).json()
    assert {
        "/v1/deliveries",
        "/v1/deliveries/{delivery_id}/retry",
        "/v1/templates",
        "/v1/dead-letters",
        "/v1/dead-letters/{sequence}",
        "/v1/dead-letters/{sequence}/replay",
        "/v1/inbox",
        "/v1/inbox/read",
        "/v1/inbox/unread",
        "/v1/mail-settings",
        "/v1/preferences",
        "/v1/preferences/addresses",
        "/v1/rules",
        "/v1/targets",
        "/v1/targets/{target_id}",
        "/v1/targets/{target_id}/test",
        "/v1/test-mails",
        "/v1/webhooks",
        "/v1/audit",
    } <= set(openapi["paths"])
    assert (await service.http.get("/asyncapi.json")).json()["asyncapi"] == "3.0.0"


async def test_the_migrations_make_exactly_the_models(settings: NotificationSettings) -> None:
    config = alembic_config("services.notification", settings.database_url.get_secret_value())
    await asyncio.to_thread(command.check, config)


async def _dead_letter(service: Running, subject: str) -> dict[str, Any]:
    items = (await service.http.get("/v1/dead-letters?consumer=notification", headers=OPERATOR)).json()["items"]
    return next(item for item in items if item["subject"] == subject)
