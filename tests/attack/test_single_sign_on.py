"""Signing in as somebody else by way of the identity provider: tokens that lie, answers of other browsers."""

# ruff: noqa: F811 - fixtures of the service's own tests are used by name

import base64
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from services.assignment.access.single_sign_on.flow import forget_used
from services.assignment.web.page_base import SESSION_COOKIE
from services.assignment.web.single_sign_on import COOKIE
from tests.services.assignment.access.office import Office, connected, provider, said  # noqa: F401 - fixtures
from tests.support.identity_provider import CLIENT_ID, IdentityProvider, Json, signed, unsigned

NOW = int(time.time())
STRANGER = RSAKey.generate_key(2048, {"kid": "one"})
LIES: dict[str, Json] = {
    "another issuer": {"iss": "https://somebody.example"},
    "an issuer with a slash more": {"iss": "/"},
    "another audience": {"aud": "somebody"},
    "no audience": {"aud": None},
    "several audiences and no party": {"aud": [CLIENT_ID, "somebody"]},
    "another party": {"aud": [CLIENT_ID, "somebody"], "azp": "somebody"},
    "another party alone": {"azp": "somebody"},
    "another nonce": {"nonce": "somebody"},
    "no nonce": {"nonce": None},
    "expired": {"exp": NOW - 120, "iat": NOW - 600},
    "no end": {"exp": None},
    "an end that is a text": {"exp": "4102444800"},
    "from the future": {"iat": NOW + 3600, "exp": NOW + 7200},
    "not before later": {"nbf": NOW + 3600},
    "of yesterday": {"iat": NOW - 86400, "exp": NOW + 3600},
    "nobody": {"sub": None},
    "an empty subject": {"sub": ""},
    "another access token": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
}


def _with_public_key(provider: IdentityProvider, claims: Json) -> str:
    """HS256, the public key used as if it were a secret that both know."""
    key = provider.keys[-1]
    assert isinstance(key, RSAKey)
    parts = [{"alg": "HS256", "kid": "one"}, claims]
    said = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    seal = hmac.digest(key.as_pem(private=False), said.encode(), "sha256")
    return f"{said}.{base64.urlsafe_b64encode(seal).decode().rstrip('=')}"


FORGERIES: dict[str, Callable[[IdentityProvider, Json], str]] = {
    "alg none": lambda _, claims: unsigned(claims),
    "HS256 with the public key": _with_public_key,
    "a stranger's key": lambda _, claims: signed(claims, STRANGER, {"alg": "RS256", "kid": "one"}),
    "a key brought along": lambda _, claims: signed(
        claims, STRANGER, {"alg": "RS256", "kid": "new", "jwk": STRANGER.as_dict(private=False)}
    ),
    "a key pointed to": lambda it, claims: signed(
        claims, STRANGER, {"alg": "RS256", "kid": "new", "jku": f"{it.issuer}/evil"}
    ),
    "claims changed after signing": lambda it, claims: ".".join(
        [
            *it.token(claims).split(".")[:1],
            unsigned({**claims, "sub": "x"}).split(".")[1],
            it.token(claims).split(".")[2],
        ]
    ),
    "an extension that must be understood": lambda it, claims: signed(
        claims, it.keys[-1], {"alg": "RS256", "kid": "one"}
    ).replace("eyJ", "eyJjcml0IjpbIngiXSwi", 1),
    "no token": lambda _, __: "x.y.z",
    "an endless token": lambda it, claims: it.token({**claims, "pad": "x" * 100_000}),
}


@pytest.fixture(autouse=True)
def rsa(provider: IdentityProvider) -> None:
    if not isinstance(provider.keys[-1], RSAKey):
        provider.keys = [RSAKey.generate_key(2048, {"kid": "one"})]


@pytest.mark.parametrize("lie", LIES)
async def test_a_token_that_is_for_something_else_lets_nobody_in(connected: Office, lie: str) -> None:
    claims = {**said(await connected.person()), **LIES[lie]}
    if claims.get("iss") == "/":
        claims["iss"] = f"{connected.provider.issuer}/"
    await connected.sign_in(403, **claims)


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_token_that_the_provider_did_not_sign_lets_nobody_in(connected: Office, forgery: str) -> None:
    person = await connected.person()
    connected.provider.sign = FORGERIES[forgery]
    await connected.sign_in(403, **said(person))
    assert "/evil" not in connected.provider.asked


@pytest.mark.parametrize(
    "claims",
    [
        {"email": ["ada@everdesk.example"]},
        {"email": "ada@everdesk.example\nx"},
        {"email": None},
        {"email_verified": 1},
        {"email_verified": ["true"]},
        {"email_verified": "True"},
    ],
)
async def test_an_address_counts_as_verified_only_in_so_many_words(connected: Office, claims: Json) -> None:
    connected.provider.userinfo = {"sub": "x"}
    person: Json = {**said(await connected.person()), "sub": "x", **claims}
    await connected.sign_in(403, **person)


async def test_the_word_verified_of_a_token_is_not_about_another_address(connected: Office) -> None:
    person = said(await connected.person())
    connected.provider.userinfo = {"sub": person["sub"], "email": person["email"], "email_verified": False}
    await connected.sign_in(403, sub=person["sub"], email_verified=True)


async def test_clocks_may_differ_by_a_minute(connected: Office) -> None:
    person = said(await connected.person())
    await connected.sign_in(**{**person, "exp": int(time.time()) - 30, "iat": int(time.time()) - 300})
    await connected.sign_in(**{**person, "iat": int(time.time()) + 30})


async def test_an_answer_is_good_for_the_browser_that_asked_and_once(connected: Office) -> None:
    person = said(await connected.person())
    url, cookie = await connected.begin()
    answer = connected.provider.approve(url, **person)
    _, another = await connected.begin()
    for wrong in ("", another, cookie[:-2], "x"):
        refused = await connected.come_back(answer, wrong)
        assert (refused.status_code, SESSION_COOKIE in refused.cookies) == (403, False), wrong
    tokens = connected.provider.asked.count("/token")
    assert (await connected.come_back(answer, cookie)).status_code == 303
    replayed = await connected.come_back(answer, cookie)
    assert (replayed.status_code, SESSION_COOKIE in replayed.cookies) == (403, False)
    assert connected.provider.asked.count("/token") == tokens + 1, "the provider is not even asked"
    async with connected.desk.database.begin() as session:
        await forget_used(session)
    assert (await connected.come_back(answer, cookie)).status_code == 403


async def test_a_code_of_another_sign_in_is_worth_nothing(connected: Office) -> None:
    """An attacker's code slipped into somebody's browser, and somebody's code used by the attacker."""
    theirs, _ = await connected.begin()
    mine, cookie = await connected.begin()
    stolen = connected.provider.approve(theirs, **said(await connected.person()))
    own = connected.provider.approve(mine, **said(await connected.person()))
    refused = await connected.come_back({**own, "code": stolen["code"]}, cookie)
    assert refused.status_code == 403


@pytest.mark.parametrize("changes", [{"iss": "https://somebody.example"}, {"iss": ""}, {"error": "access_denied"}])
async def test_an_answer_of_another_provider_or_without_success_lets_nobody_in(
    connected: Office, changes: Json
) -> None:
    url, cookie = await connected.begin()
    answer = {**connected.provider.approve(url, **said(await connected.person())), **changes}
    assert (await connected.come_back(answer, cookie)).status_code == 403


@pytest.mark.parametrize("path", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
async def test_nobody_is_sent_elsewhere_afterwards(connected: Office, path: str) -> None:
    url, cookie = await connected.begin(path)
    back = await connected.come_back(connected.provider.approve(url, **said(await connected.person())), cookie)
    assert (back.status_code, back.headers["location"]) == (303, "/queue")


@pytest.mark.parametrize(
    "issuer",
    [
        "http://169.254.169.254",
        "https://10.0.0.1",
        "https://[::1]",
        "https://2130706433",
        "http://example.com",
        "https://user:secret@example.com",
        "file:///etc/passwd",
    ],
)
async def test_a_typed_issuer_reaches_nothing_inside(connected: Office, issuer: str, monkeypatch: Any) -> None:
    ada = await connected.desk.agent("ada")
    monkeypatch.setattr(connected.desk.context.http_client, "_allowed", ())
    answer = await ada.send("PATCH", "/v1/single-sign-on", json={"issuer": issuer})
    if answer.status_code == 200:
        report = await ada.post("/v1/single-sign-on/test")
        assert (report["works"], report["checks"][0]["outcome"]) == (False, "failed")
    else:
        assert answer.status_code == 422


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://somebody.example"},
        {"token_endpoint": "http://127.0.0.1:1/token", "jwks_uri": None},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
)
async def test_a_provider_that_describes_itself_oddly_is_not_used(connected: Office, changes: Json) -> None:
    connected.desk.context.provider.forget()
    connected.provider.document_changes = changes
    answer = await connected.desk.http.get("/sign-in/sso")
    connected.desk.http.cookies.clear()
    assert (answer.status_code, COOKIE in answer.cookies) == (403, False)
