"""Administration of topics: every change counted, guarded, announced, and effective at once on every channel."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from nats.js.api import DeliverPolicy

from services.intake.access.key_scopes import KeyScope
from shared.contracts.events import Envelope, TopicChanged, TopicField
from shared.contracts.names import STREAM
from shared.kit.clock import new_id
from tests.services.intake.harness import IntakeHarness, Json, request_for_help

TOPICS = "/v1/admin/topics"
FORM: list[Json] = [
    {
        "kind": "choice",
        "name": "system",
        "label": "Which system?",
        "choices": [{"key": "web", "label": "Website"}, {"key": "atm", "label": "Cash point"}],
    },
    {
        "kind": "text",
        "name": "place",
        "label": "Where?",
        "required": True,
        "shown_if": {"field": "system", "is": "atm"},
    },
    {"kind": "text", "name": "branch_code", "label": "Branch code", "visible_to": "agents", "max_length": 8},
]


@pytest.fixture
async def admin(intake: IntakeHarness) -> AsyncIterator[httpx2.AsyncClient]:
    """An administrator's program."""
    async with intake.client(await intake.make_key(KeyScope.ADMIN)) as http:
        yield http


def topic(**changes: Any) -> Json:
    """A new topic's content."""
    slug = f"topic-{new_id().hex[-12:]}"
    return {"slug": slug, "name": "Cash points", "description": "Broken or empty ones", "form": FORM} | changes


async def made(admin: httpx2.AsyncClient, **changes: Any) -> Json:
    """A topic that was just made."""
    answer = await admin.post(TOPICS, json=topic(**changes))
    assert answer.status_code == 201, answer.text
    created: Json = answer.json()
    return created


async def listed(admin: httpx2.AsyncClient) -> list[str]:
    """Every topic's slug in its order, read three at a time."""
    slugs: list[str] = []
    cursor: Json = {}
    while True:
        page = (await admin.get(TOPICS, params={"limit": 3} | cursor)).json()
        slugs += [topic["slug"] for topic in page["items"]]
        if page["next_cursor"] is None:
            return slugs
        cursor = {"cursor": page["next_cursor"]}


async def announced(intake: IntakeHarness, topic_id: str, version: int) -> TopicChanged:
    """What the bus carries of one version of a topic."""
    js = await intake.bus.jetstream()
    subject = f"everdesk.topic.changed.v1.{topic_id}"
    subscription = await js.subscribe(subject, stream=STREAM, ordered_consumer=True, deliver_policy=DeliverPolicy.ALL)
    try:
        while True:
            event = TopicChanged.of(Envelope.model_validate_json((await subscription.next_msg(timeout=10)).data))
            if event.version == version:
                return event
    finally:
        await subscription.unsubscribe()


async def test_administration_takes_a_key_made_for_it(intake: IntakeHarness) -> None:
    async with intake.browser() as nobody:
        assert (await nobody.get(TOPICS)).status_code == 401
    async with intake.client() as usual:
        for answer in (
            await usual.get(TOPICS),
            await usual.post(TOPICS, json=topic()),
            await usual.put("/v1/admin/topic-order", json={"topics": ["general"]}),
            await usual.post(f"{TOPICS}/general/deactivate"),
            await usual.get("/v1/admin/announcements"),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


async def test_a_topic_is_made_announced_and_offered_at_once(intake: IntakeHarness, admin: httpx2.AsyncClient) -> None:
    answer = await admin.post(TOPICS, json=topic(priority="high"))
    created = answer.json()
    assert (answer.status_code, answer.headers["etag"]) == (201, '"1"')
    assert (created["is_active"], created["priority"], created["version"]) == (True, "high", 1)
    event = await announced(intake, created["id"], 1)
    assert event.fields == (
        TopicField(name="system", label="Which system?", kind="choice"),
        TopicField(name="place", label="Where?", kind="text"),
        TopicField(name="branch_code", label="Branch code", kind="text", for_agents=True),
    )
    async with intake.client() as http:
        offered = (await http.get("/v1/topics")).json()["items"][-1]
    assert (offered["slug"], offered["priority"]) == (created["slug"], "high")
    assert [field["name"] for field in offered["form"]] == ["system", "place", "branch_code"]
    assert offered["form"][1]["shown_if"] == {"field": "system", "is": "atm", "is_one_of": None}
    assert (await intake.submit(topic=created["slug"]))["priority"] == "high"
    assert (await intake.submit(topic=created["slug"], priority="low"))["priority"] == "low"


async def test_a_retry_makes_one_topic(intake: IntakeHarness, admin: httpx2.AsyncClient) -> None:
    body, headers, before = topic(), {"Idempotency-Key": "make-one"}, await intake.count("topics")
    answers = [await admin.post(TOPICS, json=body, headers=headers) for _ in range(2)]
    assert answers[0].text == answers[1].text
    assert answers[1].headers["idempotent-replayed"] == "true"
    assert await intake.count("topics") == before + 1
    other = await admin.post(TOPICS, json=topic(), headers=headers)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"slug": "Upper"}, "/slug"),
        ({"slug": "01a2091e-28d4-7cf0-8b1a-8bdbf7a6b0f1"}, "/slug"),
        ({"name": " "}, "/name"),
        ({"name": "x" * 121}, "/name"),
        ({"description": "two\nlines"}, "/description"),
        ({"priority": "asap"}, "/priority"),
        ({"thanks": "\0"}, "/thanks"),
        ({"legacy_id": 2**31}, "/legacy_id"),
        ({"surprise": 1}, "/surprise"),
        ({"is_active": False}, "/is_active"),
        ({"form": [FORM[1]]}, "/form"),
        ({"form": [FORM[0], FORM[0]]}, "/form"),
        ({"form": [{"kind": "text", "name": "a"}]}, "/form/0/text/label"),
        ({"form": [{"kind": "colour", "name": "a", "label": "A"}]}, "/form/0"),
    ],
)
async def test_what_cannot_stand_is_refused_at_its_place(
    intake: IntakeHarness, admin: httpx2.AsyncClient, changes: Json, pointer: str
) -> None:
    before = await intake.count("topics")
    answer = await admin.post(TOPICS, json=topic(**changes))
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]
    assert await intake.count("topics") == before


async def test_two_topics_cannot_share_a_slug_or_a_legacy_number(admin: httpx2.AsyncClient) -> None:
    first = await made(admin, legacy_id=4711)
    for changes, pointer in (({"slug": first["slug"]}, "/slug"), ({"legacy_id": 4711}, "/legacy_id")):
        answer = await admin.post(TOPICS, json=topic(**changes))
        assert (answer.status_code, answer.json()["code"]) == (409, "already_exists")
        assert answer.json()["errors"][0]["pointer"] == pointer
    other = await made(admin)
    clash = await admin.put(f"{TOPICS}/{other['slug']}", json=topic(slug=first["slug"]))
    assert clash.status_code == 409


async def test_a_topic_is_replaced_unless_it_changed_in_the_meantime(
    intake: IntakeHarness, admin: httpx2.AsyncClient
) -> None:
    first = await made(admin)
    path = f"{TOPICS}/{first['slug']}"
    content = topic(slug=first["slug"], name="Cash machines", form=FORM[:1])
    second = await admin.put(path, json=content, headers={"If-Match": '"1"'})
    assert (second.status_code, second.headers["etag"]) == (200, '"2"')
    assert (await admin.get(path)).json() == second.json()
    assert (await admin.get(f"{TOPICS}/{first['id']}")).json() == second.json()
    stale = await admin.put(path, json=content, headers={"If-Match": '"1"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "version_conflict")
    assert (await announced(intake, first["id"], 2)).name == "Cash machines"
    assert (await admin.put(path, json=content)).json()["version"] == 3


async def test_a_removed_field_is_remembered_with_what_its_answers_need(
    intake: IntakeHarness, admin: httpx2.AsyncClient
) -> None:
    first = await made(admin)
    answers = {"system": "atm", "place": "Harbour Street", "branch_code": "B7"}
    ticket = await intake.submit(topic=first["slug"], fields=answers)
    replaced = await admin.put(f"{TOPICS}/{first['slug']}", json=topic(slug=first["slug"], form=FORM[:1]))
    former = {field["name"]: field for field in replaced.json()["former_fields"]}
    assert set(former) == {"place", "branch_code"}
    assert former["branch_code"]["visible_to"] == "agents"
    assert former["place"]["shown_if"] is None
    async with intake.client() as http:
        assert (await http.get(f"/v1/tickets/{ticket['id']}")).json()["fields"] == answers
    back = await admin.put(f"{TOPICS}/{first['slug']}", json=topic(slug=first["slug"]))
    assert back.json()["former_fields"] == []


async def test_a_topic_is_switched_off_and_on_again(intake: IntakeHarness, admin: httpx2.AsyncClient) -> None:
    first = await made(admin)
    path = f"{TOPICS}/{first['slug']}"
    for _ in range(2):
        off = (await admin.post(f"{path}/deactivate")).json()
        assert (off["is_active"], off["version"]) == (False, 2)
    assert first["slug"] in await listed(admin)
    async with intake.client() as http:
        refused = await http.post("/v1/tickets", json=request_for_help(topic=first["slug"]))
        assert refused.json()["errors"][0]["pointer"] == "/topic"
        assert (await admin.post(f"{path}/reactivate")).json()["is_active"]
        assert (await http.post("/v1/tickets", json=request_for_help(topic=first["slug"]))).status_code == 201
    assert not (await announced(intake, first["id"], 2)).is_active


async def test_topics_are_put_in_order(admin: httpx2.AsyncClient) -> None:
    one, two = await made(admin), await made(admin)
    before = await listed(admin)
    answer = await admin.put("/v1/admin/topic-order", json={"topics": [two["slug"], one["id"]]})
    after = answer.json()["topics"]
    assert after == [two["slug"], one["slug"], *before[:-2]]
    assert await listed(admin) == after
    for names, words in ((["nowhere"], "no such topic"), ([one["slug"], one["id"]], "twice")):
        refused = await admin.put("/v1/admin/topic-order", json={"topics": names})
        assert refused.status_code == 422
        assert words in refused.json()["detail"]
    await admin.put("/v1/admin/topic-order", json={"topics": before[:-2]})


@pytest.mark.parametrize("name", ["nowhere", "01a2091e-28d4-7cf0-8b1a-8bdbf7a6b0f1"])
async def test_a_topic_that_is_not_there_is_not_found(admin: httpx2.AsyncClient, name: str) -> None:
    path = f"{TOPICS}/{name}"
    for answer in (
        await admin.get(path),
        await admin.put(path, json=topic()),
        await admin.post(f"{path}/deactivate"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_name_that_could_be_none_is_refused(admin: httpx2.AsyncClient) -> None:
    for name in ("%00", "a_b", "x" * 65):
        assert (await admin.get(f"{TOPICS}/{name}")).status_code == 422


async def test_the_administration_describes_itself(intake: IntakeHarness) -> None:
    async with intake.browser() as http:
        described = (await http.get("/openapi.json")).json()
    assert {path for path in described["paths"] if path.startswith("/v1/admin/")} >= {
        TOPICS, f"{TOPICS}/{{name}}", f"{TOPICS}/{{name}}/deactivate", f"{TOPICS}/{{name}}/reactivate",
        "/v1/admin/topic-order", "/v1/admin/announcements", "/v1/admin/announcements/{announcement_id}",
    }  # fmt: skip
    for schema in ("TopicInput", "TopicOrder", "AnnouncementInput"):
        assert described["components"]["schemas"][schema]["examples"]
