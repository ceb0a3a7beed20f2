"""The identity provider ends sessions by logout tokens, and agents sign out there as well."""

# ruff: noqa: F811 - fixtures are used by name

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from joserfc.jwk import RSAKey

from services.assignment.identity_provider.logout_tokens import EVENT
from services.assignment.web.page_base import SESSION_COOKIE
from services.assignment.web.provider_sign_out import SIGNED_OUT_COOKIE
from shared.kit.clock import new_id
from tests.services.assignment.access.office import Office, connected, provider, said  # noqa: F401 - fixtures
from tests.services.assignment.desk import PASSWORD, AgentApi, Json
from tests.support.identity_provider import CLIENT_ID, IdentityProvider, signed, unsigned

STRANGER = RSAKey.generate_key(2048, {"kid": "one"})


def notice(office: Office, **claims: Any) -> Json:
    """The claims of a logout token; None takes one away."""
    now = int(time.time())
    usual = {"iss": office.provider.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 120, "jti": str(new_id())}
    said_now = {**usual, "events": {EVENT: {}}, **claims}
    return {name: value for name, value in said_now.items() if value is not None}


async def tell(office: Office, token: str) -> httpx2.Response:
    answer = await office.desk.http.post("/sign-in/sso/back-channel-logout", data={"logout_token": token})
    assert answer.headers["cache-control"] == "no-store"
    return answer


async def ended(office: Office, **claims: Any) -> None:
    answer = await tell(office, office.provider.token(notice(office, **claims)))
    assert answer.status_code == 200, answer.text


async def session_of(office: Office, person: Json, **claims: Any) -> AgentApi:
    signed_in = await office.sign_in(**{**said(person), **claims})
    return AgentApi(office.desk.http, signed_in.cookies[SESSION_COOKIE])


async def works(session: AgentApi) -> bool:
    status: int = (await session.send("GET", "/v1/me")).status_code
    assert status in (200, 401)
    return status == 200


async def test_one_session_or_all_of_a_person_are_ended(connected: Office) -> None:
    person, ada = await connected.person(), await connected.desk.agent("ada")
    await ada.patch(f"/v1/agents/{person['id']}", {"password": PASSWORD})
    one, two = [await session_of(connected, person, sid=f"{person['sub']}-{n}") for n in "12"]
    nameless = await session_of(connected, person)
    by_password = AgentApi(
        connected.desk.http,
        (await connected.desk.http.post("/v1/sessions", json={"email": person["email"], "password": PASSWORD})).json()[
            "access_token"
        ],
    )
    connected.desk.http.cookies.clear()
    await ended(connected, sid=f"{person['sub']}-1")
    assert [await works(each) for each in (one, two, nameless)] == [False, True, True]
    await ended(connected, sid=f"{person['sub']}-2", sub="somebody-else")
    assert await works(two), "a session of another subject is not meant"
    await ended(connected, sub=person["sub"])
    assert [await works(each) for each in (two, nameless, by_password)] == [False, False, True]
    await ended(connected, sub=person["sub"])
    logged = (await ada.get("/v1/audit-log", subject=person["id"]))["items"]
    ends = [entry for entry in logged if entry["action"] == "agent.sessions-ended"]
    assert [(entry["actor_name"], entry["after"]) for entry in ends] == [
        ("Single sign-on (Acme)", {"sessions": 2}),
        ("Single sign-on (Acme)", {"sessions": 1}),
    ]


async def test_a_token_counts_once_and_a_later_session_stays(connected: Office) -> None:
    person = await connected.person()
    await session_of(connected, person)
    token = connected.provider.token(notice(connected, sub=person["sub"]))
    assert (await tell(connected, token)).status_code == 200
    later = await session_of(connected, person)
    again = await tell(connected, token)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_request")
    assert await works(later)


async def test_a_sign_in_that_was_ended_on_its_way_is_refused(connected: Office) -> None:
    person = await connected.person(sid=f"s-{new_id()}")
    url, cookie = await connected.begin()
    answer = connected.provider.approve(url, **said(person))
    await ended(connected, sid=person["sid"])
    assert (await connected.come_back(answer, cookie)).status_code == 403
    await connected.sign_in(**{**said(person), "sid": f"s-{new_id()}"})


NOW = int(time.time())
WRONG: dict[str, Json] = {
    "another issuer": {"iss": "https://somebody.example"},
    "another client": {"aud": "somebody"},
    "expired": {"iat": NOW - 600, "exp": NOW - 300},
    "no end": {"exp": None},
    "no start": {"iat": None},
    "a nonce, as ID tokens have": {"nonce": "n"},
    "no events": {"events": None},
    "another event": {"events": {"http://schemas.openid.net/event/other": {}}},
    "an event that is no object": {"events": {EVENT: True}},
    "events in a list": {"events": [EVENT]},
    "no id": {"jti": None},
    "nobody": {"sub": None},
    "a subject that is a number": {"sub": 7},
    "an empty session": {"sid": ""},
}
FORGED: dict[str, Callable[[IdentityProvider, Json], str]] = {
    "not signed": lambda _, claims: unsigned(claims),
    "a stranger's key": lambda _, claims: signed(claims, STRANGER, {"alg": "RS256", "kid": "one"}),
    "another kind of token": lambda provider, claims: signed(
        claims, provider.keys[-1], {"alg": "RS256", "kid": "one", "typ": "at+jwt"}
    ),
    "nothing": lambda _provider, _claims: "",
    "no token": lambda _provider, _claims: "a.b.c",
}


@pytest.fixture
async def person_and_session(connected: Office) -> tuple[Json, AgentApi]:
    connected.provider.keys = [RSAKey.generate_key(2048, {"kid": "one"})]
    await connected.set(scopes="openid email")
    person = await connected.person()
    return person, await session_of(connected, person, sid="kept")


async def test_tokens_that_do_not_hold_end_nothing(
    connected: Office, person_and_session: tuple[Json, AgentApi]
) -> None:
    person, session = person_and_session
    for what, claims in WRONG.items():
        told = notice(connected, **{"sub": person["sub"], **claims})
        assert (await tell(connected, connected.provider.token(told))).status_code == 400, what
    for what, forge in FORGED.items():
        token = forge(connected.provider, notice(connected, sub=person["sub"]))
        assert (await tell(connected, token)).status_code == 400, what
    assert await works(session)
    typed = {"alg": "RS256", "kid": "one", "typ": "logout+jwt"}
    good = signed(notice(connected, sub=person["sub"]), connected.provider.keys[-1], typed)
    assert (await tell(connected, good)).status_code == 200
    assert not await works(session)


async def test_signing_out_offers_to_sign_out_at_the_provider_too(connected: Office) -> None:
    person, http = await connected.person(), connected.desk.http
    session = (await connected.sign_in(**said(person))).cookies[SESSION_COOKIE]
    cookies = f"{SESSION_COOKIE}={session}"
    csrf = (await http.get("/queue", headers={"Cookie": cookies})).cookies["everdesk_csrf"]
    http.cookies.clear()
    headers = {"Cookie": f"{cookies}; everdesk_csrf={csrf}"}
    out = await http.post("/sign-out", data={"csrf_token": csrf}, headers=headers)
    kept = {"Cookie": f"{SIGNED_OUT_COOKIE}={out.cookies[SIGNED_OUT_COOKIE]}"}
    http.cookies.clear()
    assert "Sign out at Acme as well" in (await http.get("/", headers=kept)).text
    http.cookies.clear()
    assert "Sign out at Acme as well" not in (await http.get("/")).text
    http.cookies.clear()
    left = await http.get("/sign-in/sso/sign-out", headers=kept)
    asked = parse_qs(urlsplit(left.headers["location"]).query)
    assert asked["client_id"] == [CLIENT_ID]
    assert asked["id_token_hint"][0].count(".") == 2
    forged = await http.get("/sign-in/sso/sign-out", headers={"Cookie": f"{SIGNED_OUT_COOKIE}=bm90aGluZw"})
    assert "id_token_hint" not in forged.headers["location"]
    http.cookies.clear()
