"""Keys made and kept over HTTP, by whoever has a key that may."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from sqlalchemy import text

from services.intake.access.key_scopes import KeyScope
from tests.services.intake.harness import IntakeHarness, Json

PATH = "/v1/admin/api-keys"


@pytest.fixture
async def admin(intake: IntakeHarness) -> AsyncIterator[httpx2.AsyncClient]:
    """Somebody who may."""
    async with intake.client(await intake.make_key(KeyScope.ADMIN)) as http:
        yield http


async def works(intake: IntakeHarness, key: str) -> bool:
    async with intake.browser("127.0.0.1") as http:
        return (await http.get("/v1/topics", headers={"Authorization": f"Bearer {key}"})).status_code == 200


async def made(admin: httpx2.AsyncClient, **asked: object) -> Json:
    answer = await admin.post(PATH, json={"name": "Mobile app"} | asked)
    assert answer.status_code == 201, answer.text
    created: Json = answer.json()
    return created


async def test_a_key_is_shown_once(intake: IntakeHarness, admin: httpx2.AsyncClient) -> None:
    answer = await admin.post(PATH, json={"name": "Mobile app", "cidrs": ["127.0.0.0/8"], "per_minute": 600})
    created = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert await works(intake, created["key"])
    assert created["scopes"] == ["create", "read", "reply"], "setting up the help desk must be asked for"
    seen = (await admin.get(f"{PATH}/{created['key_id']}")).json()
    assert "key" not in seen
    assert (seen["state"], seen["cidrs"], seen["per_minute"]) == ("active", ["127.0.0.0/8"], 600)


async def test_a_repetition_makes_no_second_key_and_shows_no_secret(
    intake: IntakeHarness, admin: httpx2.AsyncClient
) -> None:
    headers = {"Idempotency-Key": "one-key"}
    first, again = [await admin.post(PATH, json={"name": "Once"}, headers=headers) for _ in range(2)]
    assert again.status_code == 201
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == first.json() | {"key": None}
    async with intake.database.begin() as session:
        kept = (
            await session.scalars(
                text("select convert_from(body, 'UTF8') from idempotency_responses where key = 'one-key'")
            )
        ).all()
    assert not any(first.json()["key"].split("_", 2)[2] in body for body in kept)


async def test_every_key_is_listed_page_by_page(admin: httpx2.AsyncClient) -> None:
    ids = [(await made(admin, name=f"Client {number}"))["key_id"] for number in range(3)]
    seen, cursor = [], None
    while True:
        page = (await admin.get(PATH, params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [item["key_id"] for item in page["items"]]
        if (cursor := page["next_cursor"]) is None:
            break
    assert [key_id for key_id in seen if key_id in ids] == ids
    assert len(seen) == len(set(seen))


async def test_a_key_is_rotated_without_a_gap(intake: IntakeHarness, admin: httpx2.AsyncClient) -> None:
    old = await made(admin)
    answer = await admin.post(f"{PATH}/{old['key_id']}/rotate", json={"overlap_seconds": 60})
    new = answer.json()
    assert (answer.status_code, new["key_id"]) == (200, old["key_id"])
    assert new["previous_until"] is not None
    assert await works(intake, new["key"])
    assert await works(intake, old["key"])
    await admin.post(f"{PATH}/{old['key_id']}/rotate", json={"overlap_seconds": 0})
    assert not await works(intake, new["key"])


async def test_a_key_is_revoked_for_good(intake: IntakeHarness, admin: httpx2.AsyncClient) -> None:
    key = await made(admin)
    answer = await admin.post(f"{PATH}/{key['key_id']}/revoke")
    assert (answer.status_code, answer.json()["state"]) == (200, "revoked")
    assert not await works(intake, key["key"])
    refused = await admin.post(f"{PATH}/{key['key_id']}/rotate")
    assert (refused.status_code, refused.json()["code"]) == (409, "not_rotatable")


@pytest.mark.parametrize(
    "asked",
    [
        {"name": ""},
        {"name": "x" * 121},
        {"scopes": []},
        {"scopes": ["everything"]},
        {"per_minute": 0},
        {"cidrs": ["everywhere"]},
        {"cidrs": ["198.51.100.7/24"]},
        {"expires_at": "2020-01-01T00:00:00Z"},
        {"expires_at": "2099-01-01T00:00:00"},
        {"digest": "mine"},
    ],
)
async def test_what_makes_no_sense_is_refused(admin: httpx2.AsyncClient, asked: Json) -> None:
    answer = await admin.post(PATH, json={"name": "Client"} | asked)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_input")
    assert answer.json()["errors"][0]["pointer"].startswith(f"/{next(iter(asked))}")


@pytest.mark.parametrize("action", ["", "/rotate", "/revoke"])
async def test_a_key_that_does_not_exist_is_not_there(admin: httpx2.AsyncClient, action: str) -> None:
    answer = await admin.request("POST" if action else "GET", f"{PATH}/{'0' * 16}{action}")
    assert answer.status_code == 404


async def test_a_clients_key_may_not_make_keys(intake: IntakeHarness) -> None:
    async with intake.client() as http:
        for method, path in (("GET", PATH), ("POST", PATH), ("POST", f"{PATH}/{intake.key.key_id}/revoke")):
            answer = await http.request(method, path, json={"name": "Mine"} if method == "POST" else None)
            assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
