"""Second factors: set up, asked for, used up, required by a role, and taken away again."""

import base64
import re
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, update

from services.assignment.access import totp
from services.assignment.access.factor_keys import FactorKeys
from services.assignment.models import Role, Session, TotpSecret
from services.assignment.settings import AssignmentSettings
from shared.kit.clock import new_id, utc_now
from tests.services.assignment.browsing import Surfer
from tests.services.assignment.desk import PASSWORD, AgentApi, Desk, Json, team_id

KEY = re.compile(r'class="totp-key">(.*?)</code>', re.DOTALL)
CODE = re.compile(r"<code>([A-Z2-9]{4}-[A-Z2-9]{4}-[A-Z2-9]{4})</code>")


def secret_on(page: str) -> bytes:
    """The secret that a set-up page shows."""
    shown = KEY.search(page)
    assert shown, page
    return base64.b32decode(re.sub(r"<[^>]+>|\s", "", shown[1]))


def code_now(secret: bytes, steps: int = 0) -> str:
    """What the app shows, now or some steps later."""
    return totp.code_of(secret, totp.step_of(utc_now()) + steps)


async def make_agent(desk: Desk, role: Json | None = None) -> tuple[str, str]:
    """A new agent's id and address."""
    ada, email = await desk.agent("ada"), f"{new_id().hex}@everdesk.example"
    memberships = [{"team_id": str(team_id("online-banking")), "role_id": role["id"]}] if role else []
    body = {"email": email, "name": "Factor", "password": PASSWORD, "memberships": memberships}
    return (await ada.post("/v1/agents", body))["id"], email


async def enrolled(desk: Desk, email: str) -> tuple[Surfer, bytes, list[str]]:
    """A browser of an agent who has just set up an app; the secret and the recovery codes."""
    surfer = await Surfer.of(desk.app).sign_in(email, path="/account/second-factor")
    secret = secret_on(surfer.page)
    await surfer.send("/account/second-factor/app", code=code_now(secret))
    codes = CODE.findall(surfer.page)
    assert len(codes) == 10, surfer.page
    return surfer, secret, codes


async def forget_step(desk: Desk, agent_id: str) -> None:
    """As if the code that set up the app had been of some minutes ago."""
    async with desk.database.begin() as session:
        await session.execute(update(TotpSecret).where(TotpSecret.agent_id == UUID(agent_id)).values(last_step=0))


async def last_code(desk: Desk, agent_id: str, secret: bytes) -> str:
    """The code that was accepted last; that of now may be the next one already."""
    async with desk.database.begin() as session:
        step = await session.scalar(select(TotpSecret.last_step).where(TotpSecret.agent_id == UUID(agent_id)))
    assert step
    return totp.code_of(secret, step)


async def api(desk: Desk, email: str, **more: str) -> Json:
    answer = await desk.http.post("/v1/sessions", json={"email": email, "password": PASSWORD} | more)
    body: Json = answer.json()
    return body | {"status": answer.status_code}


async def test_an_app_is_set_up_and_asked_for_from_then_on(desk: Desk) -> None:
    agent_id, email = await make_agent(desk)
    other = AgentApi(desk.http, (await api(desk, email))["access_token"])
    surfer, secret, _ = await enrolled(desk, email)
    assert (await other.send("GET", "/v1/me")).status_code == 401, "sessions of one factor have ended"
    assert (await surfer.open("/account")).path == "/account", "this one goes on"
    fresh = await Surfer.of(desk.app).sign_in(email)
    assert fresh.path == "/sign-in/second-factor"
    assert (await fresh.open("/queue")).path == "/", "nothing is open between the steps"
    await forget_step(desk, agent_id)
    await fresh.sign_in(email)
    await fresh.send("/sign-in/second-factor", code=code_now(secret), next="/account")
    assert fresh.path == "/account"
    assert "authenticator app" in fresh.page


async def test_a_code_works_once_and_so_does_a_recovery_code(desk: Desk) -> None:
    agent_id, email = await make_agent(desk)
    _, secret, recovery = await enrolled(desk, email)
    used = await api(desk, email, code=await last_code(desk, agent_id, secret))
    assert (used["status"], used["code"]) == (401, "wrong_second_factor"), "the code that set the app up is used up"
    await forget_step(desk, agent_id)
    code = code_now(secret)
    assert (await api(desk, email, code=code))["status"] == 201
    assert (await api(desk, email, code=code))["status"] == 401
    assert (await api(desk, email, code=recovery[0].lower()))["status"] == 201
    assert (await api(desk, email, code=recovery[0]))["status"] == 401
    assert (await api(desk, email, code=recovery[1].replace("-", "")))["status"] == 201


async def test_the_api_says_what_it_needs(desk: Desk) -> None:
    _, email = await make_agent(desk)
    await enrolled(desk, email)
    answer = await api(desk, email)
    assert (answer["status"], answer["code"]) == (401, "second_factor_required")
    assert answer["methods"] == ["totp", "recovery_code"]
    wrong = await desk.http.post("/v1/sessions", json={"email": email, "password": "wrong-password", "code": "000000"})
    assert wrong.json()["code"] == "wrong_credentials", "a code is looked at after the password alone"


async def test_guesses_at_codes_lock(desk: Desk) -> None:
    agent_id, email = await make_agent(desk)
    _, secret, _ = await enrolled(desk, email)
    await forget_step(desk, agent_id)
    wrong = "000000" if code_now(secret) != "000000" else "000001"
    statuses = [(await api(desk, email, code=wrong))["status"] for _ in range(6)]
    assert statuses == [401] * 5 + [429]
    assert (await api(desk, email, code=code_now(secret)))["status"] == 429, "even for the right one"


async def test_a_role_that_asks_for_a_second_factor_lets_do_nothing_else_before(desk: Desk) -> None:
    ada = await desk.agent("ada")
    body = {"name": f"Strict {new_id().hex[:8]}", "scope": "teams", "permissions": ["ticket.view"]}
    role = await ada.post("/v1/roles", body)
    assert role["requires_second_factor"] is False
    _, email = await make_agent(desk, role)
    before = AgentApi(desk.http, (await api(desk, email))["access_token"])
    surfer = await Surfer.of(desk.app).sign_in(email, path="/queue")
    assert surfer.path == "/queue"
    changed = await ada.patch(f"/v1/roles/{role['id']}", {"requires_second_factor": True})
    assert changed["requires_second_factor"] is True
    refused = await before.send("GET", "/v1/me")
    assert (refused.status_code, refused.json()["code"]) == (403, "second_factor_enrolment_required")
    assert (await api(desk, email))["code"] == "second_factor_enrolment_required"
    for path in ("/queue", "/account", "/reports", "/admin"):
        assert (await surfer.open(path)).path == "/account/second-factor", path
    await surfer.send("/account/second-factor/app", code=code_now(secret_on(surfer.page)))
    assert len(CODE.findall(surfer.page)) == 10
    assert (await surfer.open("/queue")).path == "/queue"
    await surfer.open("/account")
    await surfer.send("/account/second-factor/app/remove")
    assert surfer.path == "/account/second-factor", "without one left, a new one is asked for at once"


async def test_a_sign_in_of_a_while_ago_cannot_change_second_factors(desk: Desk) -> None:
    agent_id, email = await make_agent(desk)
    surfer, _, _ = await enrolled(desk, email)
    await surfer.open("/account")
    async with desk.database.begin() as session:
        long_ago = utc_now() - timedelta(minutes=16)
        await session.execute(update(Session).where(Session.agent_id == UUID(agent_id)).values(created_at=long_ago))
    desk.context.callers.forget()
    page = surfer.page
    for path in ("app/remove", "recovery-codes", "app"):
        surfer.page = page
        await surfer.send(f"/account/second-factor/{path}", code="123456")
        assert (surfer.path, "Sign in once more" in surfer.page) == ("/", True), path


async def test_secrets_are_stored_encrypted_and_bound_to_their_agent(desk: Desk) -> None:
    agent_id, email = await make_agent(desk)
    _, secret, _ = await enrolled(desk, email)
    async with desk.database.begin() as session:
        stored = await session.scalar(select(TotpSecret.secret).where(TotpSecret.agent_id == UUID(agent_id)))
    assert stored is not None
    assert secret not in stored
    keys = FactorKeys.of(desk.context.settings)
    assert keys.decrypt(UUID(agent_id), stored) == secret
    assert keys.decrypt(new_id(), stored) is None


def test_a_new_key_reads_what_the_one_before_has_written() -> None:
    def keys(text: str) -> FactorKeys:
        values = {"session_secret": "x" * 16, "link_secret": "x" * 16, "database_url": "postgresql+asyncpg://x/y"}
        return FactorKeys.of(AssignmentSettings.model_validate(values | {"second_factor_keys": text}))

    agent = new_id()
    written = keys("the-first-key-of-all").encrypt(agent, b"secret")
    assert keys("a-key-that-is-newer,the-first-key-of-all").decrypt(agent, written) == b"secret"
    assert keys("a-key-that-is-newer").decrypt(agent, written) is None


@pytest.mark.parametrize(("at", "code"), [(59, "287082"), (1111111109, "081804"), (20000000000, "353130")])
def test_codes_are_those_of_the_standard(at: int, code: str) -> None:
    assert totp.code_of(b"12345678901234567890", at // 30) == code


async def test_passwords_change_for_whoever_knows_the_old_one(desk: Desk) -> None:
    _, email = await make_agent(desk)
    surfer = await Surfer.of(desk.app).sign_in(email)
    other = AgentApi(desk.http, (await api(desk, email))["access_token"])
    new = "violet-harbour-cheese-39"
    await surfer.send("/account/password", current="not-the-password", password=new)
    assert "password is wrong" in surfer.page
    await surfer.send("/account/password", current=PASSWORD, password="password123")
    assert "too easy to guess" in surfer.page
    await surfer.send("/account/password", current=PASSWORD, password=new)
    assert "Your password is changed" in surfer.page
    assert (await other.send("GET", "/v1/me")).status_code == 401
    assert (await api(desk, email))["status"] == 401
    assert (await Surfer.of(desk.app).sign_in(email, new)).path == "/account"


async def test_a_role_keeps_its_requirement_when_something_else_changes(desk: Desk) -> None:
    ada = await desk.agent("ada")
    body = {"name": f"Kept {new_id().hex[:8]}", "scope": "teams", "permissions": [], "requires_second_factor": True}
    role = await ada.post("/v1/roles", body)
    await ada.patch(f"/v1/roles/{role['id']}", {"name": f"Renamed {new_id().hex[:8]}"})
    async with desk.database.begin() as session:
        stored = await session.get_one(Role, UUID(role["id"]))
    assert stored.requires_second_factor
