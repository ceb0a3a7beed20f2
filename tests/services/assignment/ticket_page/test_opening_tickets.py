"""The desk's page to open a ticket for somebody: what intake says of it, and what the agent can do then."""

import json

import pytest

from services.assignment.intake_client import IntakeClient
from shared.kit.auth import AgentProofs
from tests.services.assignment.browsing import Surfer
from tests.services.assignment.desk import Desk
from tests.support.small_server import answering, serving

FORM = {"name": "Dana", "email": "dana@bank.example", "subject": "Card swallowed", "body": "In Harbour Street"}


async def test_the_same_opened_anew_is_asked_about_and_can_be_opened_all_the_same(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    surfer = await Surfer.of(desk.app, "192.0.2.78").sign_in("ada@everdesk.example")
    refusal = {"status": 409, "code": "sent_already", "detail": "the same was opened a moment ago as ticket 100030"}
    heads: list[str] = []
    answer = answering("409 Conflict", json.dumps(refusal | {"items": []}).encode(), heads)
    async with serving(answer) as port:
        intake = IntakeClient(f"http://127.0.0.1:{port}", AgentProofs(desk.context.settings))
        monkeypatch.setattr(intake, "list_topics", no_topics)
        monkeypatch.setattr(desk.context.intake, "open_ticket", intake.open_ticket)
        monkeypatch.setattr(desk.context.intake, "list_topics", no_topics)
        await surfer.open("/tickets/new")
        await surfer.send("/tickets/new", **FORM, form_id="one-form")
        assert (surfer.status, "as ticket 100030" in surfer.page) == (409, True)
        assert 'value="open_anyway"' in surfer.page
        assert "In Harbour Street" in surfer.page
        await surfer.send("/tickets/new", **FORM, form_id="one-form", do="open_anyway")
        await intake.close()
    assert ["repeated=asked" in heads[0], "repeated=taken" in heads[1]] == [True, True]


async def no_topics(_agent_id: object) -> list[object]:
    return []
