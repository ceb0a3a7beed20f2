"""How administrators see and change the way an agent signs in."""

from tests.services.assignment.access.test_account_links import announced, audit_of, make_agent
from tests.services.assignment.access.test_second_factor import api, enrolled
from tests.services.assignment.browsing import Surfer
from tests.services.assignment.desk import PASSWORD, Desk
from tests.services.assignment.permissions.test_permissions import make


async def test_an_administrator_resets_a_second_factor(desk: Desk) -> None:
    ada, (agent_id, email) = await desk.agent("ada"), await make_agent(desk, password=PASSWORD)
    surfer, _, _ = await enrolled(desk, email)
    access = await ada.get(f"/v1/agents/{agent_id}/access")
    assert (access["has_totp"], access["recovery_codes"], access["sessions"]) == (True, 10, 1)
    assert (await ada.send("DELETE", f"/v1/agents/{agent_id}/second-factor")).status_code == 204
    assert (await surfer.open("/account")).path == "/"
    assert (await api(desk, email))["status"] == 201
    assert (await audit_of(desk, agent_id))[0] == "agent.second-factor-reset"


async def test_nobody_resets_the_second_factor_of_somebody_with_more_rights(desk: Desk) -> None:
    little = await make(desk, "teams", ["admin.agents"])
    ada_id = (await (await desk.agent("ada")).get("/v1/me"))["agent"]["id"]
    refused = await little.api.send("DELETE", f"/v1/agents/{ada_id}/second-factor")
    assert (refused.status_code, refused.json()["code"]) == (403, "exceeds_own_rights")
    own = await little.api.send("DELETE", f"/v1/agents/{little.id}/second-factor")
    assert (own.status_code, own.json()["code"]) == (409, "own_account")


async def test_the_page_invites_resets_and_ends_sessions(desk: Desk) -> None:
    agent_id, email = await make_agent(desk)
    surfer = await Surfer.of(desk.app).sign_in("ada@everdesk.example", path=f"/admin/agents/{agent_id}/access")
    assert "Send it again" in surfer.page
    await surfer.send(f"/admin/agents/{agent_id}/access/invitation")
    assert "The invitation is on its way" in surfer.page
    await surfer.send(f"/admin/agents/{agent_id}/access/invitation/revoke")
    assert "The invitation was revoked" in surfer.page
    assert "Invite by mail" in surfer.page
    await surfer.send(f"/admin/agents/{agent_id}/access/password-reset")
    assert "on its way to them" in surfer.page
    assert [event.purpose for event in await announced(desk, agent_id)] == ["invitation", "invitation", "reset"]
    other_id, other = await make_agent(desk, password=PASSWORD)
    await api(desk, other)
    await surfer.open(f"/admin/agents/{other_id}/access")
    await surfer.send(f"/admin/agents/{other_id}/access/sessions/end")
    assert "Their sessions have ended" in surfer.page
    assert "signed in nowhere" in surfer.page
    assert email not in surfer.page
