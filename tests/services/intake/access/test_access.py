"""Keys: who may do what, from where, and how often."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from services.intake.access.api_key_cache import ApiKeyCache
from services.intake.access.key_scopes import KeyScope
from services.intake.commands.keys import list_keys, revoke_key, rotate_key
from services.intake.models import StoredApiKey
from shared.kit.auth import ApiKey
from shared.kit.clock import utc_now
from tests.services.intake.harness import AN_HOUR, IntakeHarness, request_for_help
from tests.support.eventually import eventually


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer x",
        "Basic aGQ6",
        f"Bearer hd_0123456789abcdef_{'x' * 43}",
        "Bearer hd_0123456789abcdef_\u00e9",
    ],
)
async def test_a_key_that_does_not_work_is_refused(intake: IntakeHarness, header: str) -> None:
    async with intake.browser() as http:
        answer = await http.get("/v1/tickets", headers=[(b"authorization", header.encode())])
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_api_key")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_the_schemes_name_may_be_written_in_any_case(intake: IntakeHarness) -> None:
    async with intake.browser() as http:
        assert (await http.get("/v1/topics", headers={"Authorization": f"bearer {intake.key}"})).status_code == 200


async def test_a_key_with_the_right_id_and_another_secret_is_refused(intake: IntakeHarness) -> None:
    forged = ApiKey(intake.key.key_id, ApiKey.make().secret)
    async with intake.client(forged) as http:
        assert (await http.get("/v1/topics")).status_code == 401


async def test_each_scope_allows_its_own(intake: IntakeHarness) -> None:
    ticket = await intake.submit()
    path = f"/v1/tickets/{ticket['id']}"
    attempts = {
        KeyScope.CREATE: ("POST", "/v1/tickets", request_for_help()),
        KeyScope.READ: ("GET", "/v1/tickets", None),
        KeyScope.REPLY: ("POST", f"{path}/messages", {"body": "more"}),
        KeyScope.ALERT: ("GET", "/v1/alerts", None),
        KeyScope.ADMIN: ("GET", "/v1/admin/api-keys", None),
    }
    for owned in KeyScope:
        async with intake.client(await intake.make_key(owned)) as http:
            for wanted, (method, url, body) in attempts.items():
                answer = await http.request(method, url, json=body)
                if wanted is owned:
                    assert answer.status_code in (200, 201, 404)
                else:
                    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")
                    assert answer.json()["scope"] == wanted


async def test_whoever_may_write_may_send_files_and_nobody_else(intake: IntakeHarness) -> None:
    for owned in KeyScope:
        async with intake.client(await intake.make_key(owned)) as http:
            answer = await http.post("/v1/attachments", files={"file": ("a.txt", b"words")})
        assert answer.status_code == (201 if owned in (KeyScope.CREATE, KeyScope.REPLY) else 403)


async def test_a_key_sees_only_the_tickets_it_created(intake: IntakeHarness) -> None:
    ticket = await intake.submit()
    path = f"/v1/tickets/{ticket['id']}"
    async with intake.client(await intake.make_key()) as http:
        assert (await http.get("/v1/tickets")).json()["items"] == []
        for answer in (
            await http.get(path),
            await http.get(f"{path}/messages"),
            await http.post(f"{path}/messages", json={"body": "hello"}),
            await http.post(f"{path}/close", json={}),
            await http.post(f"{path}/reopen", json={}),
        ):
            assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


async def test_a_key_may_be_bound_to_addresses(intake: IntakeHarness) -> None:
    inside = await intake.make_key(cidrs=["127.0.0.0/8", "2001:db8::/32"])
    outside = await intake.make_key(cidrs=["198.51.100.0/24"])
    async with intake.client(inside) as http:
        assert (await http.get("/v1/topics")).status_code == 200
    async with intake.client(outside) as http:
        answer = await http.get("/v1/topics")
    assert (answer.status_code, answer.json()["code"]) == (403, "address_not_allowed")


async def test_a_key_has_a_budget_and_is_told_what_is_left(intake: IntakeHarness) -> None:
    async with intake.client(await intake.make_key(per_minute=2)) as http:
        first, second, third = [await http.get("/v1/topics") for _ in range(3)]
    assert first.headers["ratelimit-policy"] == '"api-key";q=2;w=60'
    assert first.headers["ratelimit"].startswith('"api-key";r=1;t=')
    assert second.headers["ratelimit"].startswith('"api-key";r=0;t=')
    assert (third.status_code, third.json()["code"]) == (429, "rate_limited")
    assert int(third.headers["retry-after"]) > 0


async def test_posting_tells_what_is_left_too(intake: IntakeHarness) -> None:
    async with intake.client() as http:
        answer = await http.post("/v1/tickets", json=request_for_help())
    assert "ratelimit" in answer.headers


async def test_a_revoked_key_stops_working_within_seconds(intake: IntakeHarness) -> None:
    key = await intake.make_key()
    async with intake.client(key) as http:
        assert (await http.get("/v1/topics")).status_code == 200
        async with intake.database.begin() as session:
            assert await revoke_key(session, key.key_id)
            assert not await revoke_key(session, "0" * 16)

        async def is_refused() -> bool:
            return (await http.get("/v1/topics")).status_code == 401

        await eventually(is_refused)
    assert await ApiKeyCache(intake.database).find(key) is None


async def test_only_the_digest_is_kept_and_use_is_noted(intake: IntakeHarness) -> None:
    key = await intake.make_key()
    async with intake.client(key) as http:
        await http.get("/v1/topics")
    async with intake.database.begin() as session:
        stored = (await session.scalars(select(StoredApiKey).where(StoredApiKey.key_id == key.key_id))).one()
        assert key.key_id in [known.key_id for known in await list_keys(session)]
    assert stored.digest == key.digest
    assert key.secret.encode() not in stored.digest
    assert stored.last_used_at is not None
    assert stored.last_used_at <= datetime.now(UTC)


async def test_a_rotated_key_works_with_both_secrets_until_the_overlap_is_over(intake: IntakeHarness) -> None:
    old = await intake.make_key()
    async with intake.client(old) as http:
        assert (await http.get("/v1/topics")).status_code == 200
    new = await rotated(intake, old, timedelta(hours=1))
    for key in (new, old):
        async with intake.client(key) as http:
            assert (await http.get("/v1/topics")).status_code == 200
    newest = await rotated(intake, old, timedelta(seconds=-1))
    ring = ApiKeyCache(intake.database)
    assert await ring.find(newest)
    assert await ring.find(new) is None, "its overlap is over"
    assert await ring.find(old) is None, "only one secret before is kept"


async def test_an_overlap_ends_even_for_a_key_that_is_remembered(intake: IntakeHarness) -> None:
    old = await intake.make_key()
    await rotated(intake, old, timedelta(seconds=0.3))
    ring = ApiKeyCache(intake.database)
    assert await ring.find(old)

    async def is_refused() -> bool:
        return await ring.find(old) is None

    await eventually(is_refused, within=3)


async def test_a_key_expires(intake: IntakeHarness) -> None:
    key = await intake.make_key(expires_at=utc_now() + timedelta(seconds=0.3))
    ring = ApiKeyCache(intake.database)
    assert await ring.find(key)

    async def is_refused() -> bool:
        return await ring.find(key) is None

    await eventually(is_refused, within=3)


async def test_a_wrong_secret_does_not_push_out_the_right_one(intake: IntakeHarness) -> None:
    ring = ApiKeyCache(intake.database)
    assert await ring.find(intake.key)
    assert await ring.find(ApiKey(intake.key.key_id, ApiKey.make().secret)) is None
    assert ring.recall(intake.key)


async def test_an_address_that_tries_keys_is_stopped_and_working_keys_go_on(
    intake: IntakeHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake.app.state.app_state.bad_key_limiter, "window", AN_HOUR)
    limit = intake.settings.bad_keys_per_minute
    key = await intake.make_key()
    async with intake.browser("2001:db8:bad::1") as http:
        known = {"Authorization": f"Bearer {key}"}
        assert (await http.get("/v1/topics", headers=known)).status_code == 200
        answers = [
            await http.get("/v1/topics", headers={"Authorization": f"Bearer {ApiKey.make()}"}) for _ in range(limit + 5)
        ]
        statuses = [answer.status_code for answer in answers]
        assert statuses[:limit] == [401] * limit
        assert statuses[-1] == 429
        assert int(answers[-1].headers["retry-after"]) > 0
        for working in (key, await intake.make_key()):
            known = {"Authorization": f"Bearer {working}"}
            answer = await http.get("/v1/topics", headers=known)
            assert answer.status_code == 200, "a key that works is let in, in use before or not"
    async with intake.browser("2001:db8:bad::2") as neighbour:
        assert (await neighbour.get("/v1/topics")).status_code == 429, "the same network is the same caller"
    async with intake.browser("2001:db8:good::1") as other:
        assert (await other.get("/v1/topics", headers=known)).status_code == 200


async def test_an_address_has_a_budget_whatever_keys_it_uses(
    intake: IntakeHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake.app.state.app_state.address_limiter, "quantity", 2)
    keys = [await intake.make_key() for _ in range(3)]
    async with intake.browser("203.0.113.77") as http:
        answers = [await http.get("/v1/topics", headers={"Authorization": f"Bearer {key}"}) for key in keys]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[-1].headers["ratelimit-policy"] == '"address";q=2;w=60'


async def rotated(intake: IntakeHarness, key: ApiKey, overlap: timedelta) -> ApiKey:
    """The key's new secret."""
    async with intake.database.begin() as session:
        new = await rotate_key(session, key.key_id, utc_now(), overlap)
    assert new is not None
    return new
