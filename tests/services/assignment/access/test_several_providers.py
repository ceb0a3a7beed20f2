"""Two identity providers at once, each for its own people."""

# ruff: noqa: F811 - fixtures are used by name

from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import pytest

from services.assignment.web.page_base import SESSION_COOKIE
from services.assignment.web.provider_sign_out import SIGNED_OUT_COOKIE
from shared.kit.clock import new_id
from tests.services.assignment.access.office import Office, connected, provider, said  # noqa: F401 - fixtures
from tests.services.assignment.access.test_back_channel_logout import notice
from tests.services.assignment.access.test_scim import mapped, role_id, roles_of
from tests.services.assignment.desk import PASSWORD, AgentApi, Json, team_id
from tests.services.assignment.permissions.test_permissions import make
from tests.support.identity_provider import CLIENT_ID, CLIENT_SECRET, running_provider

PROVIDERS = "/v1/single-sign-on/providers"


@pytest.fixture
async def partner(connected: Office) -> AsyncIterator[Office]:
    """A second organisation beside the first, with a provider of its own."""
    with running_provider() as found:
        sent = {"name": "Partner", "issuer": found.issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        added = await (await connected.desk.agent("ada")).post(PROVIDERS, sent)
        office = Office(connected.desk, found, added["provider"])
        await office.set(is_enabled=True, groups_claim="")
        yield office


def groups_of(*rows: tuple[str, str, str]) -> Json:
    return {"group_roles": [{"group": g, "team_id": str(team_id(t)), "role_id": role_id(r)} for g, t, r in rows]}


async def ends(office: Office, **claims: str) -> int:
    token = office.provider.token(notice(office, **claims))
    answer = await office.desk.http.post(f"{office.place}/back-channel-logout", data={"logout_token": token})
    return answer.status_code


async def test_each_provider_has_its_button_and_lets_its_own_people_in(connected: Office, partner: Office) -> None:
    page = await connected.desk.http.get("/", params={"next": "/tickets/1"})
    connected.desk.http.cookies.clear()
    for office, name in ((connected, "Acme"), (partner, "Partner")):
        assert f"Sign in with {name}" in page.text
        assert f'href="{office.place}?next=/tickets/1"' in page.text
        person = await office.person()
        url, cookie = await office.begin("/tickets/1")
        assert url.startswith(office.provider.issuer)
        assert parse_qs(urlsplit(url).query)["redirect_uri"][0].endswith(f"{office.place}/callback")
        back = await office.come_back(office.provider.approve(url, **said(person)), cookie)
        assert (back.status_code, back.headers["location"]) == (303, "/tickets/1")
        assert (await office.me(back))["agent"]["id"] == person["id"]
    await partner.set(is_enabled=False)
    assert "Sign in with Partner" not in (await connected.desk.http.get("/")).text
    assert (await connected.desk.http.get(partner.place)).status_code == 403
    assert (await connected.desk.http.get("/sign-in/sso/999")).status_code == 403
    connected.desk.http.cookies.clear()


async def test_the_same_subject_at_another_provider_is_somebody_else(connected: Office, partner: Office) -> None:
    person, other = await connected.person(), await partner.person()
    await connected.sign_in(**said(person))
    mine = await partner.sign_in(**{**said(other), "sub": person["sub"]})
    assert (await partner.me(mine))["agent"]["id"] == other["id"]


async def test_no_provider_takes_over_whom_another_one_knows(connected: Office, partner: Office) -> None:
    person = await connected.person()
    await connected.sign_in(**said(person))
    refused = await partner.sign_in(403, **{**said(person), "sub": "a-stranger"})
    assert "account of somebody else" in refused.text
    await connected.set(is_enabled=False)
    taken = await partner.sign_in(**{**said(person), "sub": "moved-over"})
    assert (await partner.me(taken))["agent"]["id"] == person["id"]


async def test_a_provider_speaks_only_for_addresses_of_its_domains(connected: Office, partner: Office) -> None:
    person = await partner.person()
    domain = person["email"].partition("@")[2]
    await partner.set(domains=f"Partner.example not-{domain}")
    assert "does not speak for your e-mail address" in (await partner.sign_in(403, **said(person))).text
    await partner.set(domains=f"partner.example {domain.upper()}")
    await partner.sign_in(**said(person))
    await partner.set(domains="partner.example")
    await partner.sign_in(**said(person))
    await partner.set(422, domains="a@b.example")


async def test_an_answer_of_one_provider_is_not_taken_for_the_other(connected: Office, partner: Office) -> None:
    person = await connected.person()
    url, cookie = await connected.begin()
    answer = connected.provider.approve(url, **said(person))
    assert (await partner.come_back(answer, cookie)).status_code == 403
    theirs, kept = await partner.begin()
    forged = partner.provider.approve(theirs, **{**said(person), "iss": connected.provider.issuer})
    assert (await partner.come_back(forged, kept)).status_code == 403
    assert (await connected.come_back(answer, cookie)).status_code == 303


async def test_groups_of_one_provider_give_nothing_to_people_of_another(connected: Office, partner: Office) -> None:
    ada, word = await connected.desk.agent("ada"), new_id().hex[-8:]
    group = f"Helpers {word}"
    await mapped(connected.desk, (group, "online-banking", role_id("Limited")))
    await partner.set(creates_agents=True, groups_claim="groups")
    new: Json = {"sub": word, "email": f"{word}@partner.example", "email_verified": True, "groups": [group]}
    assert "None of your groups" in (await partner.sign_in(403, **new)).text
    place = f"{PROVIDERS}/{partner.number}/group-roles"
    saved = await ada.send("PUT", place, json=groups_of((group, "access-management", "View only")))
    assert saved.status_code == 200, saved.text
    me = await partner.me(await partner.sign_in(**new))
    assert await roles_of(connected.desk, me["agent"]) == {"access-management": "View only"}
    assert [one["role"] for one in (await ada.get("/v1/group-roles"))["group_roles"]] == ["Limited"]
    limited = (await make(connected.desk, "teams", ["admin.agents", "ticket.view"])).api
    wider = groups_of((group, "online-banking", "All access"))
    assert (await limited.send("PUT", place, json=wider)).status_code == 403


async def test_a_session_ends_with_the_provider_it_came_from(connected: Office, partner: Office) -> None:
    sub = f"s-{new_id()}"
    sessions = {}
    for office in (connected, partner):
        back = await office.sign_in(**{**said(await office.person()), "sub": sub})
        sessions[office.number] = AgentApi(office.desk.http, back.cookies[SESSION_COOKIE])
    token = connected.provider.token(notice(connected, sub=sub))
    lie = await partner.desk.http.post(f"{partner.place}/back-channel-logout", data={"logout_token": token})
    assert lie.status_code == 400
    assert await ends(partner, sub=sub) == 200
    assert (await sessions[partner.number].send("GET", "/v1/me")).status_code == 401
    assert (await sessions[connected.number].send("GET", "/v1/me")).status_code == 200
    assert await ends(connected, sub=sub) == 200
    assert (await sessions[connected.number].send("GET", "/v1/me")).status_code == 401


async def test_signing_out_leads_to_the_provider_one_came_from(connected: Office, partner: Office) -> None:
    http = partner.desk.http
    session = (await partner.sign_in(**said(await partner.person()))).cookies[SESSION_COOKIE]
    cookies = f"{SESSION_COOKIE}={session}"
    csrf = (await http.get("/queue", headers={"Cookie": cookies})).cookies["everdesk_csrf"]
    http.cookies.clear()
    headers = {"Cookie": f"{cookies}; everdesk_csrf={csrf}"}
    out = await http.post("/sign-out", data={"csrf_token": csrf}, headers=headers)
    kept = {"Cookie": f"{SIGNED_OUT_COOKIE}={out.cookies[SIGNED_OUT_COOKIE]}"}
    http.cookies.clear()
    page = (await http.get("/", headers=kept)).text
    assert "Sign out at Partner as well" in page
    assert "Sign out at Acme as well" not in page
    http.cookies.clear()
    left = (await http.get("/sign-in/sso/sign-out", headers=kept)).headers["location"]
    assert left.startswith(f"{partner.provider.issuer}/logout?")
    assert "id_token_hint=" in left
    http.cookies.clear()


async def test_a_password_goes_with_the_provider_that_asks_for_it(connected: Office, partner: Office) -> None:
    ada = await connected.desk.agent("ada")
    answers = []
    await partner.set(passwords="unlinked_only")
    for office in (connected, partner):
        person = await office.person()
        await ada.patch(f"/v1/agents/{person['id']}", {"password": PASSWORD})
        await office.sign_in(**said(person))
        credentials = {"email": person["email"], "password": PASSWORD}
        answers.append((await connected.desk.http.post("/v1/sessions", json=credentials)).status_code)
    assert answers == [201, 403]


async def test_providers_are_added_by_whoever_has_everybodys_rights(connected: Office, partner: Office) -> None:
    limited = (await make(connected.desk, "teams", ["admin.agents", "ticket.view"])).api
    sent = {"name": "Evil", "issuer": "https://evil.example", "client_id": "x"}
    assert (await limited.send("POST", PROVIDERS, json=sent)).json()["code"] == "exceeds_own_rights"
    assert (await limited.send("DELETE", f"{PROVIDERS}/{partner.number}")).status_code == 403
    await partner.set(422, issuer=connected.provider.issuer)
    ada = await connected.desk.agent("ada")
    assert (await ada.send("POST", PROVIDERS, json={**sent, "issuer": partner.provider.issuer})).status_code == 422
    assert (await ada.send("DELETE", f"{PROVIDERS}/1")).json()["code"] == "first_provider"
    assert (await ada.send("GET", f"{PROVIDERS}/999")).status_code == 404
    listed = (await ada.get(PROVIDERS))["items"]
    assert [one["name"] for one in listed] == ["Acme", "Partner"]
    assert CLIENT_SECRET not in str(listed)


async def test_a_removed_provider_leaves_no_session_and_no_mapping(connected: Office, partner: Office) -> None:
    ada, person = await connected.desk.agent("ada"), await partner.person()
    place = f"{PROVIDERS}/{partner.number}"
    await ada.send("PUT", f"{place}/group-roles", json=groups_of(("Helpers", "access-management", "View only")))
    session = AgentApi(partner.desk.http, (await partner.sign_in(**said(person))).cookies[SESSION_COOKIE])
    assert (await ada.send("DELETE", place)).status_code == 204
    assert (await session.send("GET", "/v1/me")).status_code == 401
    assert (await ada.send("GET", f"{place}/group-roles")).status_code == 404
    logged = (await ada.get("/v1/audit-log", kind="single-sign-on"))["items"]
    assert logged[0]["action"] == "single-sign-on.removed"


async def test_the_pages_add_look_at_and_remove_a_provider(connected: Office) -> None:
    desk, ada = connected.desk, await connected.desk.agent("ada")
    session, place = f"{SESSION_COOKIE}={ada.token}", "/admin/single-sign-on"
    desk.http.cookies.clear()
    csrf = (await desk.http.get(f"{place}/new", headers={"Cookie": session})).cookies["everdesk_csrf"]
    desk.http.cookies.clear()
    headers = {"Cookie": f"{session}; everdesk_csrf={csrf}"}
    form = {"csrf_token": csrf, "name": "Partner", "issuer": connected.provider.issuer, "client_id": "x"}
    refused = await desk.http.post(f"{place}/new", data=form, headers=headers)
    assert (refused.status_code, "nother provider here has this issuer" in refused.text) == (422, True)
    added = await desk.http.post(f"{place}/new", data={**form, "issuer": "https://a.example"}, headers=headers)
    own = added.headers["location"]
    page = await desk.http.get(own, headers=headers)
    assert f"/sign-in/sso/{own.rpartition('/')[2]}/callback" in page.text
    assert 'aria-current="page">Partner' in page.text
    assert (await desk.http.post(f"{own}/remove", data={"csrf_token": csrf}, headers=headers)).status_code == 303
    assert (await desk.http.get(own, headers=headers)).status_code == 404
    desk.http.cookies.clear()
