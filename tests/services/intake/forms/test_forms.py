"""Answers to a topic's form, as client programs send them."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from services.intake.access.key_scopes import KeyScope
from shared.contracts.events import TicketSubmitted
from shared.kit.clock import new_id
from tests.services.intake.api.test_submitting import announced
from tests.services.intake.harness import IntakeHarness, Json, request_for_help

SLUG = f"forms-{new_id().hex[-12:]}"
FORM: list[Json] = [
    {
        "kind": "multi_choice",
        "name": "ways",
        "label": "Ways",
        "required": True,
        "choices": [{"key": "web", "label": "Website"}, {"key": "app", "label": "App"}],
    },
    {"kind": "number", "name": "amount", "label": "Amount", "min": 0, "shown_if": {"field": "ways", "is": "app"}},
    {"kind": "checkbox", "name": "is_vip", "label": "VIP", "visible_to": "agents"},
    {"kind": "date", "name": "since", "label": "Since"},
]


@pytest.fixture(scope="module")
async def topic(intake: IntakeHarness) -> str:
    """A topic with a form."""
    async with intake.client(await intake.make_key(KeyScope.ADMIN)) as http:
        answer = await http.post("/v1/admin/topics", json={"slug": SLUG, "name": "Forms", "form": FORM})
    assert answer.status_code == 201, answer.text
    return SLUG


@pytest.fixture
async def client(intake: IntakeHarness) -> AsyncIterator[httpx2.AsyncClient]:
    """A client program."""
    async with intake.client() as http:
        yield http


async def test_answers_are_kept_and_announced_in_the_forms_shape(
    intake: IntakeHarness, client: httpx2.AsyncClient, topic: str
) -> None:
    sent = {"ways": ["app", "web", "app"], "amount": 12.5, "is_vip": True, "since": None}
    ticket = await intake.submit(topic=topic, fields=sent)
    kept = {"ways": ["web", "app"], "amount": 12.5, "is_vip": True}
    assert (await client.get(f"/v1/tickets/{ticket['id']}")).json()["fields"] == kept
    event = TicketSubmitted.of(await announced(intake, f"everdesk.ticket.submitted.v1.{ticket['id']}"))
    assert event.fields == kept


@pytest.mark.parametrize(
    ("fields", "pointers"),
    [
        ({}, {"/fields/ways"}),
        ({"ways": []}, {"/fields/ways"}),
        ({"ways": "web"}, {"/fields/ways"}),
        ({"ways": ["web"], "amount": 5}, {"/fields/amount"}),
        ({"ways": ["app"], "amount": -5}, {"/fields/amount"}),
        ({"ways": ["app"], "other": 1, "a/b~c": 2}, {"/fields/other", "/fields/a~1b~0c"}),
        ({"ways": ["fax"], "since": "soon"}, {"/fields/ways", "/fields/since"}),
    ],
)
async def test_what_the_form_does_not_take_is_refused_at_its_field(
    intake: IntakeHarness, client: httpx2.AsyncClient, topic: str, fields: Json, pointers: set[str]
) -> None:
    before = await intake.count("tickets")
    answer = await client.post("/v1/tickets", json=request_for_help(topic=topic, fields=fields))
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "invalid_input")
    assert {error["pointer"] for error in problem["errors"]} == pointers
    assert await intake.count("tickets") == before


async def test_without_a_form_fields_are_the_programs_own(intake: IntakeHarness) -> None:
    fields: Json = {"Any Name/at all": "x", "n": 4, "nothing": None}
    for topic in (None, "general"):
        ticket = await intake.submit(topic=topic, fields=fields)
        assert (await intake.stored(ticket["id"])).fields == fields


async def test_the_seeded_forms_take_what_the_documentation_sends(intake: IntakeHarness) -> None:
    async with intake.browser() as http:
        example = (await http.get("/openapi.json")).json()["components"]["schemas"]["SubmitTicket"]["examples"][0]
    ticket = await intake.submit(**example)
    assert (await intake.stored(ticket["id"])).fields == example["fields"]
