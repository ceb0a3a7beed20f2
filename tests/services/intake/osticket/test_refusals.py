"""What old clients are refused: their statuses, as plain text, with nothing of what was sent in it."""

import json
from dataclasses import replace

import pytest

from services.intake.access.key_scopes import KeyScope
from services.intake.app_state import AppState
from services.intake.settings import InvalidStatus
from tests.services.intake.osticket.old_client import EXAMPLE, LEAST, OldClient

UNSUPPORTED = [
    ("POST", "/api/tickets"),
    ("POST", "/api/tickets.yaml"),
    ("POST", "/api/tickets.json/extra"),
    ("POST", "/api/"),
    ("POST", "/api/users.json"),
    ("GET", "/api/tickets.json"),
    ("PUT", "/api/tickets.xml"),
    ("DELETE", "/api/tickets/1.json"),
    ("OPTIONS", "/api/tickets.json"),
    ("POST", "/api/tickets.json?_method=DELETE"),
    ("GET", "/api/tasks/cron"),
]


@pytest.mark.parametrize(("method", "path"), UNSUPPORTED, ids=[" ".join(pair) for pair in UNSUPPORTED])
async def test_other_addresses_and_methods_are_not_supported(old: OldClient, method: str, path: str) -> None:
    answer = await old.send(path, json.dumps(LEAST), method)
    assert (answer.status_code, answer.text) == (400, "URL not supported")
    assert answer.headers["content-type"].startswith("text/plain")


UNREADABLE: list[tuple[str, bytes]] = [
    ("json", b""),
    ("json", b"{"),
    ("json", b"[]"),
    ("json", b"{}"),
    ("json", b'"text"'),
    ("json", b'[{"name": "a list"}]'),
    ("json", b"name=Dana&email=dana%40bank.example"),
    ("json", b'{"name": "\xe4"}'),
    ("json", b'{"a":' * 5000 + b"1" + b"}" * 5000),
    ("json", b'{"priorityId": ' + b"9" * 100_000 + b"}"),
    ("xml", b""),
    ("xml", b"<ticket>"),
    ("xml", b"<ticket/>"),
    ("xml", b"<other><name>x</name></other>"),
    ("xml", b"{}"),
    ("xml", b"<ticket>&nbsp;</ticket>"),
    ("xml", b'<!DOCTYPE ticket [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><ticket><name>&b;</name></ticket>'),
    ("xml", b'<!DOCTYPE t [<!ENTITY x SYSTEM "file:///etc/passwd">]><ticket><message>&x;</message></ticket>'),
    ("xml", b'<!DOCTYPE ticket SYSTEM "http://192.0.2.1/x.dtd"><ticket><name>x</name></ticket>'),
    ("xml", b"<ticket>" + b"<a>" * 200 + b"</a>" * 200 + b"</ticket>"),
    ("xml", b"<ticket>" + b"<a/>" * 100_000 + b"</ticket>"),
    ("xml", b"<ticket " + b" ".join(b'a%d="1"' % n for n in range(1000)) + b"/>"),
]


@pytest.mark.parametrize(("suffix", "body"), UNREADABLE, ids=[f"{s}-{b[:20]!r}" for s, b in UNREADABLE])
async def test_what_cannot_be_read_is_a_bad_request(old: OldClient, suffix: str, body: bytes) -> None:
    answer = await old.send(f"/api/tickets.{suffix}", body)
    assert answer.status_code == 400
    assert answer.text
    assert answer.headers["content-type"].startswith("text/plain")


async def test_a_body_that_is_too_large_is_refused(old: OldClient) -> None:
    answer = await old.send("/api/tickets.json", b" " * (11 * 1024**2))
    assert answer.status_code == 413


INVALID = [
    ({"email": None}, "email"),
    ({"email": "not an address"}, "email"),
    ({"email": ["dana@bank.example"]}, "email"),
    ({"name": "", "email": "nobody-before@bank.example"}, "name"),
    ({"name": {"first": "Dana"}, "email": "nobody-before@bank.example"}, "name"),
    ({"subject": " "}, "subject"),
    ({"message": None}, "message"),
    ({"message": ""}, "message"),
    ({"message": {"body": "x"}}, "message"),
    ({"message": "data:text/plain;base64,***"}, "message"),
    ({"message": "x" * (300 * 1024)}, "message"),
    ({"message": "NUL \0"}, "message"),
    ({"phone": "call me"}, "phone"),
    ({"source": "Staff"}, "source"),
]


@pytest.mark.parametrize(("changes", "field"), INVALID, ids=[f"{c}"[:40] for c, _ in INVALID])
async def test_an_invalid_field_is_named(old: OldClient, changes: dict[str, object], field: str) -> None:
    before = await old.intake.count("tickets")
    answer = await old.json(LEAST | changes)
    assert answer.status_code == 500
    assert f"\n{field}: " in answer.text
    assert answer.headers["content-type"].startswith("text/plain")
    assert await old.intake.count("tickets") == before


async def test_all_that_is_wrong_is_told_at_once(old: OldClient) -> None:
    answer = await old.json({"source": "<script>alert(1)</script>", "subject": "<script>"})
    assert [line.partition(":")[0] for line in answer.text.splitlines()[1:]] == ["email", "name", "message", "source"]
    assert "<script>" not in answer.text


async def test_clients_older_than_1_17_3_can_have_their_status(old: OldClient, monkeypatch: pytest.MonkeyPatch) -> None:
    state: AppState = old.intake.app.state.app_state
    older = state.settings.model_copy(update={"osticket_invalid_status": InvalidStatus.AS_UP_TO_1_17})
    monkeypatch.setitem(old.intake.app.state._state, "app_state", replace(state, settings=older))
    assert (await old.json({"name": "Dana"})).status_code == 400


@pytest.mark.parametrize("key", ["", "nonsense", "F" * 32, "hd_0123456789abcdef_" + "x" * 43])
async def test_without_a_key_that_works_nothing_goes(old: OldClient, key: str) -> None:
    answer = await old.json(EXAMPLE, X_API_Key=key)
    assert (answer.status_code, answer.text) == (401, "Valid API key required")


async def test_a_key_of_ours_works_in_the_old_header(old: OldClient) -> None:
    await old.made(await old.json(LEAST, X_API_Key=str(await old.intake.make_key(KeyScope.CREATE))))


async def test_upper_and_lower_case_are_the_same_old_key(old: OldClient) -> None:
    await old.made(await old.json(LEAST, X_API_Key=old.key.lower()))


async def test_an_old_key_opens_the_old_api_alone(old: OldClient) -> None:
    async with old.intake.browser() as http:
        answer = await http.get("/v1/topics", headers={"Authorization": f"Bearer {old.key}"})
    assert answer.status_code == 401


async def test_a_key_without_the_permission_is_told_so(old: OldClient) -> None:
    answer = await old.json(LEAST, X_API_Key=str(await old.intake.make_key(KeyScope.READ)))
    assert (answer.status_code, answer.text) == (401, "API key not authorized")


async def test_a_key_from_another_address_counts_as_none(old: OldClient) -> None:
    key = await old.intake.make_key(KeyScope.CREATE, cidrs=["203.0.113.0/24"])
    answer = await old.json(LEAST, X_API_Key=str(key))
    assert (answer.status_code, answer.text) == (401, "Valid API key required")


async def test_a_key_has_a_rate(old: OldClient) -> None:
    key = str(await old.intake.make_key(KeyScope.CREATE, per_minute=1))
    await old.made(await old.json(LEAST, X_API_Key=key))
    answer = await old.json(LEAST, X_API_Key=key)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0


async def test_the_old_cron_call_is_answered_as_ever(old: OldClient) -> None:
    answer = await old.send("/api/tasks/cron", b"")
    assert (answer.status_code, answer.text) == (200, "Completed")
    assert (await old.send("/api/tasks/cron", b"", X_API_Key="")).status_code == 401
