"""Single sign-on with a provider that signs real tokens."""

# ruff: noqa: F811 - fixtures are used by name

import asyncio
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from joserfc.jwk import ECKey
from sqlalchemy import select

from services.assignment.access.single_sign_on.people import has_second_factor
from services.assignment.models import Session, SingleSignOn
from services.assignment.schemas.single_sign_on import SingleSignOnView
from services.assignment.web.page_base import SESSION_COOKIE
from shared.kit.clock import new_id
from tests.services.assignment.access.office import Office, connected, provider, said  # noqa: F401 - fixtures
from tests.services.assignment.access.test_scim import mapped, role_id, roles_of
from tests.services.assignment.desk import PASSWORD, AgentApi, Json, agent_id, team_id
from tests.services.assignment.permissions.test_permissions import make
from tests.support.identity_provider import CLIENT_ID, CLIENT_SECRET


async def test_an_agent_is_found_by_a_verified_address_and_from_then_on_by_subject(connected: Office) -> None:
    person = await connected.person()
    page = await connected.desk.http.get("/")
    assert "Sign in with Acme" in page.text
    connected.desk.http.cookies.clear()
    url, cookie = await connected.begin("/tickets/1")
    asked = parse_qs(urlsplit(url).query)
    assert asked["redirect_uri"][0].endswith("/sign-in/sso/callback")
    back = await connected.come_back(connected.provider.approve(url, **said(person)), cookie)
    assert (back.status_code, back.headers["location"]) == (303, "/tickets/1")
    assert (await connected.me(back))["agent"]["id"] == person["id"]
    changed = await connected.sign_in(sub=person["sub"], email="another@elsewhere.example", email_verified=False)
    assert (await connected.me(changed))["agent"]["id"] == person["id"]
    async with connected.desk.database.begin() as session:
        methods = await session.execute(
            select(Session.method, Session.second_factor).where(
                Session.agent_id == UUID(person["id"]), Session.method == "oidc"
            )
        )
        assert [tuple(row) for row in methods] == [("oidc", None)] * 2
    logged = (await (await connected.desk.agent("ada")).get("/v1/audit-log", subject=person["id"]))["items"]
    link = next(one for one in logged if one["action"] == "sign-on-link.added")
    assert (link["actor_name"], link["after"]["subject"]) == ("Single sign-on (Acme)", person["sub"])


async def test_nobody_is_linked_by_an_address_that_is_not_vouched_for(connected: Office) -> None:
    person = await connected.person()
    for unverified in ({"email_verified": False}, {"email_verified": None}, {"email_verified": "yes"}):
        claims: Json = {**said(person), **unverified}
        refused = await connected.sign_in(403, **claims)
        assert "does not vouch for your e-mail address" in refused.text
    await connected.set(trusts_addresses=True)
    person = {**said(person), "email_verified": False}
    await connected.sign_in(403, **person)
    await connected.sign_in(**{**person, "email_verified": None})
    taken = await connected.sign_in(403, **{**person, "email_verified": True, "sub": "somebody-else"})
    assert "account of somebody else" in taken.text


async def test_a_link_is_taken_away_and_made_anew(connected: Office) -> None:
    person, ada = await connected.person(), await connected.desk.agent("ada")
    before = AgentApi(connected.desk.http, (await connected.sign_in(**said(person))).cookies[SESSION_COOKIE])
    await connected.sign_in(403, **{**said(person), "sub": "made-anew"})
    listed = (await ada.get("/v1/single-sign-on/links"))["items"]
    assert [one["id"] for one in listed if one["subject"] == person["sub"]] == [person["id"]]
    weaker = (await make(connected.desk, "assigned", ["admin.agents"])).api
    assert (await weaker.send("DELETE", f"/v1/single-sign-on/links/{person['id']}")).status_code == 403
    assert (await ada.send("DELETE", f"/v1/single-sign-on/links/{person['id']}")).status_code == 204
    assert (await before.send("GET", "/v1/me")).status_code == 401
    again = await connected.sign_in(**{**said(person), "sub": "made-anew"})
    assert (await connected.me(again))["agent"]["id"] == person["id"]


async def test_the_same_person_may_begin_twice_at_once(connected: Office) -> None:
    person = await connected.person()
    back = [await connected.begin() for _ in range(3)]
    answers = [connected.come_back(connected.provider.approve(url, **said(person)), cookie) for url, cookie in back]
    assert [answer.status_code for answer in await asyncio.gather(*answers)] == [303] * 3


async def test_people_without_an_account_become_agents_by_their_groups(connected: Office) -> None:
    word = new_id().hex[-8:]
    group, email = f"Helpers {word}", f"{word}@acme.example"
    await mapped(connected.desk, (group, "online-banking", role_id("Limited")))
    new: Json = {"sub": word, "email": email, "email_verified": True, "name": "Ines Prado", "groups": [group]}
    unknown = await connected.sign_in(403, **new)
    assert "You have no account here" in unknown.text
    await connected.set(creates_agents=True, groups_claim="groups")
    assert "None of your groups" in (await connected.sign_in(403, **{**new, "groups": ["Others"]})).text
    me = await connected.me(await connected.sign_in(**new))
    assert (me["agent"]["name"], me["agent"]["email"]) == ("Ines Prado", email)
    assert await roles_of(connected.desk, me["agent"]) == {"online-banking": "Limited"}
    await connected.sign_in(**{**new, "groups": []})
    assert await roles_of(connected.desk, me["agent"]) == {}
    connected.provider.userinfo = {"sub": word}
    overage = {"_claim_names": {"groups": "src1"}, "groups": None}
    assert "too many groups" in (await connected.sign_in(403, **{**new, **overage})).text
    ada = await connected.desk.agent("ada")
    await ada.patch(f"/v1/agents/{me['agent']['id']}", {"is_active": False})
    assert "deactivated" in (await connected.sign_in(403, **new)).text


async def test_groups_never_take_the_last_administrator(connected: Office) -> None:
    await mapped(connected.desk, ("Nobodys", "online-banking", role_id("View only")))
    await connected.set(groups_claim="groups")
    before = await roles_of(connected.desk, {"id": str(agent_id("ada"))})
    ada: Json = {"sub": "ada", "email": "ada@everdesk.example", "email_verified": True, "groups": []}
    await connected.sign_in(**ada)
    after = await roles_of(connected.desk, {"id": str(agent_id("ada"))})
    assert set(before.items()) - set(after.items()) <= {("online-banking", before.get("online-banking"))}
    body = [{"team_id": str(team_id(team)), "role_id": role_id(role)} for team, role in before.items()]
    bruno = await connected.desk.agent("bruno")
    await bruno.patch(f"/v1/agents/{agent_id('ada')}", {"memberships": body})


async def test_address_and_groups_may_come_from_userinfo_of_the_same_person(connected: Office) -> None:
    person = await connected.person()
    connected.provider.userinfo = {"sub": "other", "email": person["email"], "email_verified": True}
    await connected.sign_in(403, sub=person["sub"])
    connected.provider.userinfo["sub"] = person["sub"]
    assert (await connected.me(await connected.sign_in(sub=person["sub"])))["agent"]["id"] == person["id"]


async def test_new_keys_of_the_provider_are_taken_up(connected: Office) -> None:
    person = await connected.person()
    await connected.sign_in(**said(person))
    connected.provider.keys = [ECKey.generate_key("P-256", {"kid": "two"})]
    await connected.sign_in(**said(person))
    asked = connected.provider.asked.count("/jwks")
    connected.provider.keys.append(ECKey.generate_key("P-256", {"kid": "three"}))
    await connected.sign_in(403, **said(person))
    assert connected.provider.asked.count("/jwks") == asked, "not more often than every half minute"


@pytest.mark.parametrize(
    ("policy", "amr", "counts"),
    [
        ("by_amr", ["pwd"], False),
        ("by_amr", ["pwd", "otp"], True),
        ("by_amr", ["mfa"], True),
        ("by_amr", ["sms"], False),
        ("by_amr", "mfa", False),
        ("by_amr", None, False),
        ("always", None, True),
        ("never", ["mfa"], False),
    ],
)
def test_a_second_factor_counts_when_the_provider_says_so(policy: str, amr: Any, counts: bool) -> None:
    assert has_second_factor(SingleSignOnView.model_validate({"second_factor": policy}), {"amr": amr}) is counts


async def test_passwords_may_be_kept_for_those_who_never_signed_in_with_the_provider(connected: Office) -> None:
    person, ada = await connected.person(), await connected.desk.agent("ada")
    await ada.patch(f"/v1/agents/{person['id']}", {"password": PASSWORD})
    await connected.set(passwords="unlinked_only")
    credentials = {"email": person["email"], "password": PASSWORD}
    assert (await connected.desk.http.post("/v1/sessions", json=credentials)).status_code == 201
    await connected.sign_in(**said(person))
    refused = await connected.desk.http.post("/v1/sessions", json=credentials)
    assert (refused.status_code, refused.json()["code"]) == (403, "use_single_sign_on")
    wrong = await connected.desk.http.post("/v1/sessions", json={**credentials, "password": "wrong-password"})
    assert wrong.json()["code"] == "wrong_credentials"
    await connected.set(is_enabled=False)
    assert (await connected.desk.http.post("/v1/sessions", json=credentials)).status_code == 201


async def test_only_who_has_everybodys_rights_says_who_the_provider_is(connected: Office) -> None:
    limited = (await make(connected.desk, "teams", ["admin.agents", "ticket.view"])).api
    refused = await limited.patch("/v1/single-sign-on", {"issuer": "https://evil.example"}, expect=403)
    assert refused["code"] == "exceeds_own_rights"
    await limited.patch("/v1/single-sign-on", {"trusts_addresses": True}, expect=403)
    shown = await limited.get("/v1/single-sign-on")
    assert shown["has_client_secret"] is True
    assert CLIENT_SECRET not in str(shown)
    logged = (await (await connected.desk.agent("ada")).get("/v1/audit-log", kind="single-sign-on"))["items"]
    assert CLIENT_SECRET not in str(logged)
    assert logged[0]["after"]["note"] == "new client secret"
    async with connected.desk.database.begin() as session:
        stored = await session.scalar(select(SingleSignOn))
    assert stored is not None
    assert CLIENT_SECRET.encode() not in (stored.client_secret or b"")


async def test_the_connection_can_be_tested(connected: Office) -> None:
    ada = await connected.desk.agent("ada")
    report = await ada.post("/v1/single-sign-on/test")
    assert report["works"] is True
    assert {one["name"]: one["outcome"] for one in report["checks"]} == dict.fromkeys(
        ("Discovery", "Keys", "Signatures", "PKCE", "Client"), "ok"
    )
    await connected.set(client_secret="wrong")
    report = await ada.post("/v1/single-sign-on/test")
    assert (report["works"], report["checks"][-1]["outcome"]) == (False, "failed")
    connected.provider.document_changes = {"issuer": "https://somebody.example"}
    report = await ada.post("/v1/single-sign-on/test")
    assert (report["works"], report["checks"][-1]["name"]) == (False, "Discovery")


async def test_the_session_at_the_provider_can_be_ended_too(connected: Office) -> None:
    answer = await connected.desk.http.get("/sign-in/sso/sign-out")
    assert answer.headers["location"].startswith(f"{connected.provider.issuer}/logout?client_id={CLIENT_ID}&")


async def test_the_page_shows_saves_and_tests_the_connection(connected: Office) -> None:
    desk, ada = connected.desk, await connected.desk.agent("ada")
    session = f"{SESSION_COOKIE}={ada.token}"
    desk.http.cookies.clear()
    page = await desk.http.get("/admin/single-sign-on", headers={"Cookie": session})
    csrf = page.cookies["everdesk_csrf"]
    desk.http.cookies.clear()
    headers, place = {"Cookie": f"{session}; everdesk_csrf={csrf}"}, "/admin/single-sign-on"
    assert CLIENT_SECRET not in page.text
    version = str((await ada.get("/v1/single-sign-on"))["version"])
    form = {"csrf_token": csrf, "version": version, "name": "Acme Ltd", "issuer": "file:///etc", "client_id": "x"}
    form |= {"scopes": "openid email", "groups_claim": "groups", "second_factor": "by_amr", "passwords": "allowed"}
    refused = await desk.http.post(place, data=form, headers=headers)
    assert (refused.status_code, "A URL starts with https://" in refused.text) == (422, True)
    form |= {"issuer": connected.provider.issuer, "client_id": CLIENT_ID, "is_enabled": "1"}
    assert (await desk.http.post(place, data=form, headers=headers)).status_code == 303
    stale = await desk.http.post(place, data=form, headers=headers)
    assert stale.status_code == 412
    tested = await desk.http.post(f"{place}/1/test", data={"csrf_token": csrf}, headers=headers)
    assert "The connection works." in tested.text
    rows = {"group-0": "Helpers", "team-0": str(team_id("online-banking")), "role-0": role_id("Limited"), "group-1": ""}
    saved = await desk.http.post(f"{place}/1/group-roles", data={"csrf_token": csrf, **rows}, headers=headers)
    assert saved.status_code == 303
    assert [one["group"] for one in (await ada.get("/v1/group-roles"))["group_roles"]] == ["Helpers"]
    desk.http.cookies.clear()
