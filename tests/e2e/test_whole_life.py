"""A ticket's whole life over HTTP, on real engines, with the worker and NATS killed halfway."""

import os
import re
import signal
from functools import partial

import httpx2
import pytest

from shared.kit.clock import utc_now
from tests.local.running import LocalStack
from tests.services.assignment.browsing import Surfer
from tests.services.notification.webhooks.webhook_receiver import receiving
from tests.support.api import Api, Json, SystemClients, status_is
from tests.support.eventually import eventually


@pytest.fixture
def system(stack: LocalStack) -> SystemClients:
    return SystemClients(stack.described())


def kill(stack: LocalStack, name: str) -> None:
    """`kill -9`; the supervisor brings it back."""
    os.kill(stack.described()["pids"][name], signal.SIGKILL)


async def assigned(agent: Api, ticket_id: str) -> Json:
    ticket = await agent.get(f"/v1/tickets/{ticket_id}")
    assert ticket["assignee_id"] or (ticket.get("assignee") or {}).get("id"), ticket
    return ticket


async def first_response_is_met(agent: Api, ticket_id: str) -> None:
    ticket = await agent.get(f"/v1/tickets/{ticket_id}")
    outcomes = {clock["metric"]: clock["outcome"] for clock in ticket["sla"]["clocks"]}
    assert outcomes["first_response"] == "met", outcomes


async def test_a_ticket_goes_in_through_intake_and_comes_out_closed(stack: LocalStack, system: SystemClients) -> None:
    ada = await system.sign_in("ada@everdesk.example")
    vera = await system.sign_in("vera@everdesk.example")
    email = f"dana-{utc_now():%H%M%S%f}@bank.example"
    opened = await system.submit("Online banking system down", email)
    ticket_id, path = opened["id"], f"/v1/tickets/{opened['id']}"
    await eventually(partial(assigned, ada, ticket_id), within=20)

    refused = await vera.post(f"{path}/replies", {"body": "No", "body_format": "text"}, expect=403)
    assert refused["code"]

    kill(stack, "worker")
    await ada.post(f"{path}/notes", {"body": "Restarting the gateway.", "body_format": "text"})
    await ada.post(f"{path}/replies", {"body": "We are on it.", "body_format": "text"})
    await eventually(partial(first_response_is_met, ada, ticket_id), within=40)

    await ada.post(f"{path}/pend")
    kill(stack, "nats")
    await system.intake.post(f"{path}/messages", {"body": "Still down for me.", "body_format": "text"})
    await status_is(ada, ticket_id, "open", within=40)

    await ada.post(f"{path}/resolve")
    await status_is(ada, ticket_id, "resolved")
    await system.intake.post(f"{path}/messages", {"body": "It broke again.", "body_format": "text"})
    await status_is(ada, ticket_id, "open")
    await ada.post(f"{path}/resolve")
    closed = await ada.post(f"{path}/close", {"reason": "resolved"})
    assert closed["status"] == "closed"
    assert "reopen" in closed["allowed_actions"]

    async def seen_by_requester() -> None:
        seen = await system.intake.get(path)
        assert seen["status"] == "closed"
        messages = await system.intake.all(f"{path}/messages")
        bodies = [each["body"] for each in messages]
        assert bodies == ["Login returns 502.", "We are on it.", "Still down for me.", "It broke again."]

    await eventually(seen_by_requester)
    timeline = await ada.all(f"{path}/timeline")
    kinds = [each.get("type") or each.get("kind") for each in timeline]
    assert sum("ticket.opened" in str(kind) for kind in kinds) == 1
    assert sum("ticket.reopened" in str(kind) for kind in kinds) == 1

    async def mailed_once() -> None:
        mails = await system.mails_to(email)
        ids = [mail["MessageID"] for mail in mails]
        assert len(set(ids)) == 4, [mail["Subject"] for mail in mails]

    await eventually(mailed_once, within=20)


QUICK = {
    "calendar": "always",
    "targets": {"normal": {"first_response": 5, "resolution": 3600}, "high": {"first_response": 5, "resolution": 3600}},
    "warn_at": [],
    "pending_reminder_seconds": [1],
    "pending_resolve_seconds": 2,
    "auto_close_seconds": 1,
    "escalations": [
        {"metric": "first_response", "at_percent": 50, "do": "raise_priority", "to": "lead"},
        {"metric": "first_response", "after_breach_seconds": 0, "do": "reassign", "to": "lead"},
    ],
}
"""A policy whose whole ladder and silence pass in seconds."""


async def test_nobody_answers_and_the_ladder_acts_then_silence_resolves_and_closes(system: SystemClients) -> None:
    ada = await system.sign_in("ada@everdesk.example")
    night = f"n-{utc_now():%H%M%S%f}"
    policy = await ada.post("/v1/sla-policies", {"name": night} | QUICK)
    lead = next(one for one in (await ada.get("/v1/agents"))["items"] if one["email"] == "ada@everdesk.example")
    team = await ada.post("/v1/teams", {"slug": night, "name": "Night watch", "lead_id": lead["id"]})
    limited = next(one for one in (await ada.get("/v1/roles"))["items"] if one["name"] == "Limited")
    watch = [{"team_id": team["id"], "role_id": limited["id"]}]
    await ada.post("/v1/agents", {"email": f"{night}@everdesk.example", "name": "Hedy", "memberships": watch})
    route = {"position": 1, "topic": "access", "team_id": team["id"], "policy_id": policy["id"]}
    await ada.post("/v1/routing-rules", route)

    email = f"dana-{night}@bank.example"
    opened = await system.submit("Locked out", email, topic="access")
    number, path = opened["number"], f"/v1/tickets/{opened['id']}"

    async def handed_over() -> None:
        ticket = await ada.get(path)
        assert (ticket["priority"], ticket["assignee_id"]) == ("high", lead["id"]), ticket

    await eventually(handed_over, within=20)
    await ada.post(f"{path}/replies", {"body": "Which account is it?", "body_format": "text"})
    await ada.post(f"{path}/pend")
    closed = await status_is(ada, opened["id"], "closed")
    assert closed["close_reason"] == "no_response"

    await eventually(partial(mailed, system, f"{night}@everdesk.example", number, ["Assigned to you", "overdue"]))
    await eventually(partial(mailed, system, "ada@everdesk.example", number, ["Assigned to you", "Escalated"]))
    await eventually(partial(mailed, system, email, number, ["Locked out"] * 4))


async def mailed(system: SystemClients, address: str, number: str, words: list[str]) -> None:
    """Exactly these mails about the ticket are in somebody's mailbox, each once."""
    subjects = [mail["Subject"] for mail in await system.mails_to(address) if f"[#{number}]" in mail["Subject"]]
    said = sorted(subject.partition("] ")[2] for subject in subjects)
    assert len(said) == len(words), said
    assert all(word in subject for word, subject in zip(words, said, strict=True)), said


async def test_reports_count_what_was_settled(system: SystemClients) -> None:
    ada = await system.sign_in("ada@everdesk.example")
    report = await ada.get("/v1/reports/sla", group_by="team")
    assert report


async def test_the_stack_starts_again_where_it_was(stack: LocalStack) -> None:
    before = SystemClients(stack.described())
    opened = await before.submit("Survives a restart", "restart@bank.example")
    assert await stack.stop() == 0
    await stack.start(within=90)
    after = SystemClients(stack.described())
    ada = await after.sign_in("ada@everdesk.example")
    await eventually(partial(assigned, ada, opened["id"]), within=30)


async def sent_file(agent: Api, name: str, content: bytes) -> str:
    """A file that an agent sends to the desk; its id."""
    answer = await agent.client.post(
        f"{agent.base_url}/v1/attachments",
        files={"file": (name, content, "text/plain")},
        headers={"Authorization": f"Bearer {agent.token}"},
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def test_an_agents_files_and_corrections_reach_the_requester_and_notes_do_not(
    stack: LocalStack, system: SystemClients
) -> None:
    ada = await system.sign_in("ada@everdesk.example")
    opened = await system.submit("A letter to sign", f"kim-{utc_now():%H%M%S%f}@bank.example")
    path = f"/v1/tickets/{opened['id']}"
    await eventually(partial(assigned, ada, opened["id"]), within=20)
    letter, secret = await sent_file(ada, "letter.txt", b"Dear Kim"), await sent_file(ada, "memo.txt", b"For us")
    reply = await ada.post(f"{path}/replies", {"body": "Plese sign this.", "attachments": [letter]})
    await ada.post(f"{path}/notes", {"body": "Their contract.", "attachments": [secret]})
    await ada.post(f"{path}/replies", {"body": "Again.", "attachments": [letter]}, expect=422)
    await ada.client.patch(
        f"{ada.base_url}{path}/messages/{reply['message_id']}",
        json={"body": "Please sign this."},
        headers={"Authorization": f"Bearer {ada.token}"},
    )
    await ada.client.patch(
        f"{ada.base_url}{path}",
        json={"subject": "A contract to sign"},
        headers={"Authorization": f"Bearer {ada.token}"},
    )

    async def seen_by_requester() -> None:
        messages = (await system.intake.get(f"{path}/messages"))["items"]
        told = {one["body"]: [file["name"] for file in one["attachments"]] for one in messages}
        assert told.get("Please sign this.") == ["letter.txt"], told
        assert "memo.txt" not in str(messages)
        assert (await system.intake.get(path))["subject"] == "A contract to sign"

    await eventually(seen_by_requester, within=30)

    async def given_out() -> None:
        entries = await ada.all(f"{path}/messages")
        for name, content in (("letter.txt", b"Dear Kim"), ("memo.txt", b"For us")):
            url = next(file["url"] for one in entries for file in one["attachments"] if file["name"] == name)
            assert (await ada.client.get(url)).content == content

    await eventually(given_out, within=30)
    refused = await system.intake.client.get(
        f"{system.intake.base_url}{path}/attachments/{secret}",
        headers={"Authorization": f"Bearer {system.intake.token}"},
    )
    assert refused.status_code == 404, "a note's file is for agents"


async def test_an_agent_opens_a_ticket_for_somebody_who_calls(stack: LocalStack, system: SystemClients) -> None:
    ada, vera = await system.sign_in("ada@everdesk.example"), await system.sign_in("vera@everdesk.example")
    email = f"caller-{utc_now():%H%M%S%f}@bank.example"
    wanted = {
        "requester": {"email": email, "name": "Lee Wong", "phone": "+1 555 0100"},
        "subject": "Card swallowed",
        "body": "The machine in the lobby kept her card.",
        "topic": "general",
        "channel": "walk_in",
    }
    opened = await ada.post("/v1/tickets", wanted)
    ticket = await eventually(partial(ada.get, f"/v1/tickets/{opened['id']}"), within=20)
    assert (ticket["number"], ticket["requester"]["email"]) == (opened["number"], email)

    async def told() -> None:
        assert (await ada.all(f"/v1/tickets/{opened['id']}/messages"))[0]["channel"] == "walk_in"

    await eventually(told, within=5)
    await vera.post("/v1/tickets", wanted, expect=403)
    wrong = await ada.post("/v1/tickets", wanted | {"topic": "no-such-topic"}, expect=422)
    assert wrong["errors"][0]["pointer"] == "/topic"
    forged = await system.intake.client.post(
        f"{system.intake.base_url}/internal/tickets", json=wanted, headers={"X-Everdesk-Agent": "forged"}
    )
    assert forged.status_code == 401


async def test_programs_are_told_everything_once_and_in_order_while_processes_are_killed(
    stack: LocalStack, system: SystemClients
) -> None:
    """By a webhook that is made on the desk's page, and by the change feed, under the same ids."""
    ada, operator = await system.sign_in("ada@everdesk.example"), system.notification
    cursor = (await operator.get("/v1/events", after="latest"))["next_cursor"]
    account = next(one for one in stack.described()["credentials"]["agents"] if one["email"].startswith("ada@"))
    async with receiving() as receiver, httpx2.AsyncClient(base_url=system.desk.base_url, timeout=20) as http:
        desk = Surfer(http)
        await desk.sign_in(account["email"], account["password"])
        await desk.open("/admin/webhooks/new")
        await desk.send("/admin/webhooks/new", name="Everything", url="https://10.0.0.1/", types="*")
        assert (desk.status, "is not on the public internet" in desk.page) == (422, True)
        await desk.send("/admin/webhooks/new", name="Everything", url=receiver.url, types="*")
        secret = re.search(r"whsec_[A-Za-z0-9+/=]+", desk.page)
        assert secret, desk.page
        receiver.secret = secret[0]

        kill(stack, "notification")
        opened = await system.submit("Cards are refused", f"cara-{utc_now():%H%M%S%f}@bank.example")
        ticket_id, path = opened["id"], f"/v1/tickets/{opened['id']}"
        await eventually(partial(assigned, ada, ticket_id), within=20)
        await ada.post(f"{path}/replies", {"body": "We look at it.", "body_format": "text"})
        await ada.post(f"{path}/pend")
        kill(stack, "assignment")
        await system.intake.post(f"{path}/messages", {"body": "Still refused.", "body_format": "text"})
        await status_is(ada, ticket_id, "open", within=40)
        await ada.post(f"{path}/resolve")
        await ada.post(f"{path}/close", {"reason": "resolved"})

        def told() -> list[str]:
            ids = list(dict.fromkeys(one.id for one in receiver.of(ticket_id)))
            assert any(one.envelope["type"] == "everdesk.ticket.closed.v1" for one in receiver.of(ticket_id))
            return ids

        told_ids = await eventually(told, within=60)
        feed = await operator.get("/v1/events", after=cursor, ticket_id=ticket_id)
        assert [one["id"] for one in feed["items"]][: len(told_ids)] == told_ids
        steps = [one["data"]["seq"] for one in feed["items"] if "seq" in one["data"]]
        assert steps == list(range(1, len(steps) + 1))
        found = (await operator.get("/v1/webhooks"))["items"]
        webhook = next(one for one in found if one["url"] == receiver.url)
        await desk.open(f"/admin/webhooks/{webhook['id']}")
        assert "Delivered" in desk.page
        assert "ticket.closed" in desk.page
        await desk.send(f"/admin/webhooks/{webhook['id']}/remove")
        assert desk.path == "/admin/webhooks"
    audit = (await operator.get("/v1/audit", kind="webhook", subject=webhook["id"]))["items"]
    assert [(one["action"], one["actor_name"]) for one in audit] == [
        ("webhook.removed", "Ada Lindqvist"),
        ("webhook.added", "Ada Lindqvist"),
    ]
