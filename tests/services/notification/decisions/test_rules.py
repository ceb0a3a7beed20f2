"""The notification matrix: who is told of what by which channel, decided once and recorded."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.notification.rules.matrix import DEFAULTS, RecipientAudience, channels_of
from shared.contracts.base import AgentId
from shared.contracts.vocabulary import ActorKind
from tests.services.notification.mail_server import MailServer
from tests.services.notification.running import OPERATOR, Running
from tests.services.notification.ticket_events import TicketEvents
from tests.support.eventually import eventually

RULES = "/v1/rules"


@pytest.fixture
async def rules(service: Running) -> AsyncIterator[Running]:
    """The service; the rules are the defaults again afterwards."""
    yield service
    await put(service, [])


async def put(service: Running, rules: list[dict[str, Any]], **headers: str) -> Any:
    return await service.http.put(RULES, json={"rules": rules}, headers=OPERATOR | headers)


def rule(event: str, audience: str, channel: str, *, enabled: bool) -> dict[str, Any]:
    return {"event": event, "audience": audience, "channel": channel, "enabled": enabled}


async def inbox(service: Running, agent_id: AgentId, **params: Any) -> dict[str, Any]:
    asked = params | {"agent_id": str(agent_id)}
    answer = await service.http.get("/v1/inbox", params=asked, headers=OPERATOR)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def settled(service: Running, story: TicketEvents, **wanted: Any) -> dict[str, Any]:
    """The row of the ticket's ledger that has these values and is decided."""

    async def look() -> dict[str, Any]:
        rows = await service.ledger(ticket_id=str(story.ticket_id), limit=200, channel=None)
        found = [one for one in rows if all(one[name] == value for name, value in wanted.items())]
        done = [one for one in found if one["status"] not in ("waiting", "queued", "sending")]
        assert done, rows
        return done[0]

    row = await eventually(look)
    assert isinstance(row, dict)
    return row


def test_every_event_is_told_to_somebody_and_no_channel_is_impossible() -> None:
    for audiences in DEFAULTS.values():
        assert any(audiences.values())
        for audience, channels in audiences.items():
            assert channels <= set(channels_of(audience))
    assert {one for audiences in DEFAULTS.values() for one in audiences} == set(RecipientAudience)


async def test_a_change_is_versioned_audited_and_can_be_taken_back(rules: Running) -> None:
    before = await rules.http.get(RULES, headers=OPERATOR)
    changed = await put(
        rules, [rule("sla_breached", "lead", "mail", enabled=True)], **{"If-Match": before.headers["etag"]}
    )
    assert changed.status_code == 200, changed.text
    on = [one for one in changed.json()["rules"] if one["enabled"] != one["default"]]
    assert on == [rule("sla_breached", "lead", "mail", enabled=True) | {"default": False}]
    assert changed.json()["version"] == before.json()["version"] + 1
    stale = await put(rules, [], **{"If-Match": before.headers["etag"]})
    assert (stale.status_code, stale.json()["code"]) == (412, "version_conflict")
    impossible = await put(rules, [rule("new_ticket", "requester", "inbox", enabled=True)])
    assert (impossible.status_code, impossible.json()["errors"][0]["pointer"]) == (422, "/rules/0")
    reset = (await put(rules, [])).json()["rules"]
    assert all(one["enabled"] == one["default"] for one in reset)


async def test_the_lead_is_told_of_a_breach_in_the_inbox_and_by_mail_where_the_rules_say_so(
    rules: Running, mail_server: MailServer
) -> None:
    story = TicketEvents()
    await rules.publish(*story.people(), story.submitted(), story.triaged(), story.assigned(by=story.ada))
    await rules.publish(story.breached())
    row = await settled(rules, story, template="sla_breached", audience="lead", channel="inbox")
    assert (row["status"], row["name"]) == ("sent", "Grace Hopper")
    await put(rules, [rule("sla_breached", "lead", "mail", enabled=True)])
    other = TicketEvents()
    await rules.publish(*other.people(), other.submitted(), other.triaged(), other.assigned(by=other.ada))
    await rules.publish(other.breached())
    row = await settled(rules, other, template="sla_breached", audience="lead", channel="mail")
    assert (row["status"], row["address"]) == ("sent", f"grace-{other.number}@everdesk.example")
    assert (await settled(rules, other, template="sla_breached", audience="assignee", channel="mail"))[
        "status"
    ] == "sent"


async def test_what_a_rule_switches_off_is_recorded_as_not_sent(rules: Running) -> None:
    await put(rules, [rule("new_ticket", "requester", "mail", enabled=False)])
    story = TicketEvents()
    await rules.publish(story.submitted())
    row = await settled(rules, story, template="acknowledgement")
    assert (row["status"], row["last_error"]) == ("dropped", "the rules tell them by no channel")


async def test_whoever_answered_last_is_told_once_and_never_of_their_own(rules: Running) -> None:
    story = TicketEvents()
    await rules.publish(*story.people(), story.submitted(), story.triaged(), story.assigned(by=story.ada))
    await rules.publish(story.message(ActorKind.AGENT))
    await settled(rules, story, template="reply")
    again = story.message(ActorKind.REQUESTER)
    await rules.publish(again)
    await settled(rules, story, template="requester_message", audience="assignee", channel="mail")
    await rules.deliver_again(again)
    page = await inbox(rules, story.ada, unread=True)
    assert [one["template"] for one in page["items"]] == ["requester_message"]
    row = await settled(rules, story, template="requester_message", audience="last_responder")
    assert (row["status"], row["last_error"]) == ("dropped", "they are told of it already")


async def test_the_inbox_counts_what_is_unread_and_comes_in_pages(service: Running) -> None:
    story = TicketEvents()
    await service.publish(*story.people(), story.submitted(), story.triaged(), story.assigned())
    await service.publish(story.mentioned(story.ada, by=story.grace), story.message(ActorKind.REQUESTER))

    async def has_three() -> None:
        assert (await inbox(service, story.ada))["unread"] == 3

    await eventually(has_three)
    page = await inbox(service, story.ada, limit=2)
    rest = await inbox(service, story.ada, limit=2, cursor=page["next_cursor"])
    entries = [*page["items"], *rest["items"]]
    assert {one["template"] for one in entries} == {"assigned", "mentioned", "requester_message"}
    assert {one["number"] for one in entries} == {story.number}
    mine = {"agent_id": str(story.ada)}
    read = await service.http.post("/v1/inbox/read", params=mine, json={"ids": [entries[0]["id"]]}, headers=OPERATOR)
    assert read.json() == {"unread": 2}
    others = await service.http.post(
        "/v1/inbox/read", params={"agent_id": str(story.grace)}, json={"ids": [entries[1]["id"]]}, headers=OPERATOR
    )
    assert others.status_code == 200
    assert (await inbox(service, story.ada))["unread"] == 2
    assert (await service.http.post("/v1/inbox/read", params=mine, json={}, headers=OPERATOR)).json() == {"unread": 0}
    assert (await service.http.get("/v1/inbox", headers=OPERATOR)).status_code == 422
