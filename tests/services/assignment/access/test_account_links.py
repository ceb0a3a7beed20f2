"""Invitations and password resets: a mailed link works once, for a while, and tells nobody who has an account."""

import re
from datetime import timedelta
from statistics import median
from time import perf_counter
from uuid import UUID

from sqlalchemy import delete, select, text, update

from services.assignment.models import AccountLink, LoginAttempt
from shared.contracts.events import AccountChanged, AccountLinkRequested, Envelope
from shared.kit.clock import new_id, utc_now
from shared.kit.one_time_links import AccountLinks
from tests.services.assignment.browsing import Surfer
from tests.services.assignment.desk import PASSWORD, AgentApi, Desk, Json
from tests.support.eventually import eventually

NEW = "violet-harbour-cheese-39"
NOT_SHOWN = re.compile(r'(name="csrf_token" value=")[^"]+')


async def announced(desk: Desk, agent_id: str) -> list[AccountLinkRequested]:
    """What has been announced about an agent's links, the newest last."""
    subject = f"everdesk.account.link_requested.v1.{agent_id}"
    query = text(
        "select envelope, id from outbox where subject = :subject"
        " union all select envelope, id from outbox_published where subject = :subject order by id"
    )
    async with desk.database.begin() as session:
        rows = (await session.execute(query, {"subject": subject})).all()
    return [AccountLinkRequested.of(Envelope.model_validate_json(row.envelope)) for row in rows]


async def changes_told(desk: Desk, agent_id: str) -> list[str]:
    """The changes of how an agent signs in of which they are told."""
    subject = f"{AccountChanged.type()}.{agent_id}"
    query = text(
        "select envelope, id from outbox where subject = :subject"
        " union all select envelope, id from outbox_published where subject = :subject order by id"
    )
    async with desk.database.begin() as session:
        rows = (await session.execute(query, {"subject": subject})).all()
    return [AccountChanged.of(Envelope.model_validate_json(row.envelope)).change for row in rows]


async def link_of(desk: Desk, agent_id: str, count: int = 1) -> str:
    """The path of the newest link that was mailed to an agent, once there are so many."""

    async def newest() -> AccountLinkRequested:
        found = await announced(desk, agent_id)
        assert len(found) == count
        return found[-1]

    event = await eventually(newest)
    url = AccountLinks(desk.context.settings).url(event.link_id, event.purpose, event.requested_at)
    return url.removeprefix(desk.context.settings.desk_url)


async def make_agent(desk: Desk, **body: str) -> tuple[str, str]:
    ada, email = await desk.agent("ada"), f"{new_id().hex}@everdesk.example"
    return (await ada.post("/v1/agents", {"email": email, "name": "Linked"} | body))["id"], email


async def signs_in(desk: Desk, email: str, password: str) -> bool:
    answer = await desk.http.post("/v1/sessions", json={"email": email, "password": password})
    return answer.status_code == 201


async def forget_attempts(desk: Desk) -> None:
    async with desk.database.begin() as session:
        await session.execute(delete(LoginAttempt))


async def audit_of(desk: Desk, agent_id: str) -> list[str]:
    ada = await desk.agent("ada")
    entries: list[Json] = (await ada.get("/v1/audit-log", subject=agent_id))["items"]
    return [entry["action"] for entry in entries]


async def test_a_new_agent_without_a_password_chooses_it_by_mail_once(desk: Desk) -> None:
    agent_id, email = await make_agent(desk)
    path = await link_of(desk, agent_id)
    first, second = Surfer.of(desk.app), Surfer.of(desk.app)
    await first.open(path)
    assert email in first.page
    await second.open(path)
    await first.send(path, password="password123")
    assert (first.status, "too easy to guess" in first.page) == (422, True), "and the link goes on working"
    await first.send(path, password=NEW)
    assert "Your password is set" in first.page
    assert await signs_in(desk, email, NEW)
    await second.send(path, password="another-harbour-cheese-40")
    assert second.status == 410
    assert (await second.open(path)).status == 410
    assert await audit_of(desk, agent_id) == ["agent.invitation-accepted", "agent.invited", "agent.added"]
    assert await changes_told(desk, agent_id) == [], "a first password changes nothing"


async def test_whoever_changes_a_password_the_agent_is_told(desk: Desk) -> None:
    ada, (agent_id, _) = await desk.agent("ada"), await make_agent(desk, password=PASSWORD)
    assert await changes_told(desk, agent_id) == []
    await ada.patch(f"/v1/agents/{agent_id}", {"password": NEW})
    assert await changes_told(desk, agent_id) == ["password_changed"]


async def test_an_invitation_is_sent_again_and_revoked(desk: Desk) -> None:
    ada, (agent_id, _) = await desk.agent("ada"), await make_agent(desk)
    old = await link_of(desk, agent_id)
    access = await ada.post(f"/v1/agents/{agent_id}/invitation", expect=202)
    assert access["invitation"]["expires_at"] > access["invitation"]["sent_at"]
    new = await link_of(desk, agent_id, 2)
    surfer = Surfer.of(desk.app)
    assert (await surfer.open(old)).status == 410, "the newer one takes its place"
    assert (await surfer.open(new)).status == 200
    assert (await ada.send("DELETE", f"/v1/agents/{agent_id}/invitation")).status_code == 204
    assert (await surfer.open(new)).status == 410
    assert (await ada.send("DELETE", f"/v1/agents/{agent_id}/invitation")).status_code == 404
    has_one, _ = await make_agent(desk, password=PASSWORD)
    assert (await ada.send("POST", f"/v1/agents/{has_one}/invitation", json={})).status_code == 409
    assert await announced(desk, has_one) == []


async def test_a_reset_sets_the_password_and_ends_every_session(desk: Desk) -> None:
    await forget_attempts(desk)
    agent_id, email = await make_agent(desk, password=PASSWORD)
    answer = await desk.http.post("/v1/sessions", json={"email": email, "password": PASSWORD})
    thief = AgentApi(desk.http, answer.json()["access_token"])
    surfer = await Surfer.of(desk.app).open("/forgot-password")
    await surfer.send("/forgot-password", email=email.upper())
    assert "a mail with a link is on its way" in surfer.page
    path = await link_of(desk, agent_id)
    assert await signs_in(desk, email, PASSWORD), "nothing has changed yet"
    await surfer.open(path)
    await surfer.send(path, password=NEW)
    assert (await thief.send("GET", "/v1/me")).status_code == 401
    assert (await signs_in(desk, email, PASSWORD), await signs_in(desk, email, NEW)) == (False, True)
    assert (await surfer.open(path)).status == 410
    assert "agent.password-reset" in await audit_of(desk, agent_id)


async def test_links_run_out_and_die_with_what_they_rest_on(desk: Desk) -> None:
    await forget_attempts(desk)
    ada, (agent_id, email) = await desk.agent("ada"), await make_agent(desk, password=PASSWORD)
    surfer = await Surfer.of(desk.app).open("/forgot-password")

    async def fresh_link(count: int) -> str:
        await surfer.open("/forgot-password")
        await surfer.send("/forgot-password", email=email)
        return await link_of(desk, agent_id, count)

    path = await fresh_link(1)
    async with desk.database.begin() as session:
        ended = utc_now() - timedelta(seconds=1)
        await session.execute(
            update(AccountLink).where(AccountLink.agent_id == UUID(agent_id)).values(expires_at=ended)
        )
    assert (await surfer.open(path)).status == 410
    path = await fresh_link(2)
    await ada.patch(f"/v1/agents/{agent_id}", {"email": f"new-{email}"})
    assert (await surfer.open(path)).status == 410, "it went to the old address"
    async with desk.database.begin() as session:
        kept = await session.scalar(select(AccountLink.id).where(AccountLink.agent_id == UUID(agent_id)))
    assert kept is None
    assert (await surfer.open(f"/set-password/{path.rpartition('/')[2][:-1]}x")).status == 410
    assert (await surfer.open("/set-password/nonsense")).status == 410


async def test_nobody_learns_by_text_status_or_time_who_has_an_account(desk: Desk) -> None:
    _, known = await make_agent(desk, password=PASSWORD)
    times: dict[str, list[float]] = {"known": [], "unknown": []}
    answers = set()
    for number in range(20):
        await forget_attempts(desk)
        for name, email in (("known", known), ("unknown", f"{new_id().hex}@everdesk.example")):
            surfer = await Surfer.of(desk.app, f"198.51.100.{number}").open("/forgot-password")
            began = perf_counter()
            await surfer.send("/forgot-password", email=email)
            times[name].append(perf_counter() - began)
            answers.add((surfer.status, surfer.path, NOT_SHOWN.sub(r"\1", surfer.page)))
    assert len(answers) == 1
    slower, faster = sorted((median(times["known"]), median(times["unknown"])), reverse=True)
    assert slower - faster < 0.5 * faster, times


async def test_requests_are_limited_for_an_account_silently_and_for_a_network_openly(desk: Desk) -> None:
    await forget_attempts(desk)
    agent_id, email = await make_agent(desk, password=PASSWORD)
    for number in range(6):
        surfer = await Surfer.of(desk.app, f"203.0.113.{number}").open("/forgot-password")
        await surfer.send("/forgot-password", email=email)
        assert "a mail with a link is on its way" in surfer.page
    assert len(await announced(desk, agent_id)) == 3
    surfer = Surfer.of(desk.app, "203.0.113.99")
    statuses = []
    for _ in range(21):
        await surfer.open("/forgot-password")
        await surfer.send("/forgot-password", email=f"{new_id().hex}@everdesk.example")
        statuses.append(surfer.status)
    assert statuses == [200] * 20 + [429]


async def test_what_is_kept_of_a_link_opens_nothing(desk: Desk) -> None:
    agent_id, _ = await make_agent(desk)
    path = await link_of(desk, agent_id)
    token = path.rpartition("/")[2]
    async with desk.database.begin() as session:
        link = await session.scalar(select(AccountLink).where(AccountLink.agent_id == UUID(agent_id)))
    (event,) = await announced(desk, agent_id)
    assert link is not None
    assert token not in event.model_dump_json()
    assert (await Surfer.of(desk.app).open(f"/set-password/{link.id}")).status == 410
