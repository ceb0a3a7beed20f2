"""How agents and requesters want to be told: hours, digests, storms, and addresses that bounce."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from services.notification.recipients.preferences import NotificationChoices
from services.notification.rules.matrix import RuleEvent
from shared.contracts.vocabulary import ActorKind
from shared.kit.clock import utc_now
from tests.services.notification.mail_server import MailServer, text_of
from tests.services.notification.running import OPERATOR, Running
from tests.services.notification.ticket_events import TicketEvents
from tests.support.eventually import eventually

EVENING = datetime(2026, 11, 27, 19, 20, tzinfo=UTC)
"""A Friday, after hours."""
HOURS = {
    "timezone": "Europe/Berlin",
    "weekly": {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")},
}


@pytest.mark.parametrize(
    ("settings", "event", "due_at", "is_digest"),
    [
        ({}, RuleEvent.ASSIGNED, EVENING, False),
        ({"mail_hours": HOURS}, RuleEvent.ASSIGNED, datetime(2026, 11, 30, 8, tzinfo=UTC), False),
        ({"mail_hours": HOURS}, RuleEvent.SLA_BREACHED, EVENING, False),
        (
            {"mail_hours": HOURS, "urgent_at_any_time": False},
            RuleEvent.SLA_BREACHED,
            datetime(2026, 11, 30, 8, tzinfo=UTC),
            False,
        ),
        ({"digest": "hourly"}, RuleEvent.CLOSED, datetime(2026, 11, 27, 20, tzinfo=UTC), True),
        ({"digest": "daily"}, RuleEvent.CLOSED, datetime(2026, 11, 28, 8, tzinfo=UTC), True),
        ({"digest": "daily"}, RuleEvent.ESCALATED, EVENING, False),
        ({"digest": "daily", "mail_hours": HOURS}, RuleEvent.CLOSED, datetime(2026, 11, 30, 8, tzinfo=UTC), True),
    ],
)
def test_when_a_mail_comes(settings: dict[str, Any], event: RuleEvent, due_at: datetime, *, is_digest: bool) -> None:
    assert NotificationChoices.model_validate(settings).mail_due_at(event, EVENING) == (due_at, is_digest)


async def prefer(service: Running, agent_id: UUID, **settings: Any) -> Any:
    return await service.http.put(
        "/v1/preferences", params={"agent_id": str(agent_id)}, json=settings, headers=OPERATOR
    )


async def rows(
    service: Running, story: TicketEvents, template: str, recipient: UUID | None = None
) -> list[dict[str, Any]]:
    found = await service.ledger(ticket_id=str(story.ticket_id), limit=200)
    wanted = None if recipient is None else f"agent:{recipient}"
    return [one for one in found if one["template"] == template and wanted in (None, one["recipient"])]


async def test_preferences_are_versioned_and_checked(service: Running) -> None:
    ada = TicketEvents().ada
    first = await prefer(service, ada, digest="daily")
    assert (first.status_code, first.json()["version"]) == (200, 1)
    assert (await prefer(service, ada, digest="daily")).json()["version"] == 1
    stale = await service.http.put(
        "/v1/preferences", params={"agent_id": str(ada)}, json={}, headers=OPERATOR | {"If-Match": '"0"'}
    )
    assert (stale.status_code, stale.json()["code"]) == (412, "version_conflict")
    never = {"mail_hours": {"timezone": "UTC", "weekly": {}}}
    unusable: tuple[dict[str, Any], ...] = ({"digest": "never"}, {"events": {"nothing": {}}}, never)
    for wrong in unusable:
        assert (await prefer(service, ada, **wrong)).status_code == 422
    shown = await service.http.get("/v1/preferences", params={"agent_id": str(ada)}, headers=OPERATOR)
    assert shown.json()["settings"]["digest"] == "daily"


async def test_who_wants_no_mail_of_an_event_gets_it_in_the_inbox(service: Running) -> None:
    story = TicketEvents()
    await prefer(service, story.ada, events={"assigned": {"mail": False}})
    await service.publish(*story.people(), story.submitted(), story.triaged(), story.assigned())

    async def is_kept_back() -> None:
        (mail,) = await rows(service, story, "assigned")
        assert (mail["status"], mail["last_error"]) == ("dropped", "they are told by another channel")
        answer = await service.http.get("/v1/inbox", params={"agent_id": str(story.ada)}, headers=OPERATOR)
        assert [one["template"] for one in answer.json()["items"]] == ["assigned"]

    await eventually(is_kept_back)


async def test_what_waits_for_somebody_who_is_deactivated_meanwhile_is_not_sent_to_them(
    service: Running, mail_server: MailServer
) -> None:
    """Decided and held until tomorrow; what has to be acted on goes to the lead, the rest to nobody."""
    story = TicketEvents()
    closed = {"timezone": "UTC", "weekly": {"mon": [["00:00", "00:01"]]}}
    await prefer(service, story.ada, mail_hours=closed, urgent_at_any_time=False)
    steps = [*story.people(), story.submitted(), story.triaged(), story.assigned(), story.warned()]
    await service.publish(*steps)

    ada, grace = (f"{name}-{story.number}@everdesk.example" for name in ("ada", "grace"))

    async def both_wait() -> None:
        waiting = [*await rows(service, story, "assigned"), *await rows(service, story, "sla_warned")]
        assert [one["status"] for one in waiting if one["address"] == ada] == ["queued", "queued"]

    await eventually(both_wait)
    await service.publish(story.agent(story.ada, "Ada Lovelace", is_active=False, version=2))

    async def is_settled_anew() -> None:
        (assigned,) = await rows(service, story, "assigned")
        assert (assigned["status"], assigned["last_error"]) == ("dropped", "the agent is not active")
        warnings = {one["address"]: one["status"] for one in await rows(service, story, "sla_warned")}
        assert (warnings.get(grace), warnings.get(ada)) == ("sent", None)

    await eventually(is_settled_anew)
    assert mail_server.to(ada) == []


@pytest.mark.parametrize(
    ("now", "due_at"),
    [
        ("2026-10-24T19:00:00Z", "2026-10-25T07:00:00Z"),
        ("2027-03-27T20:00:00Z", "2027-03-28T06:00:00Z"),
        ("2027-03-28T06:00:00Z", "2027-03-29T06:00:00Z"),
    ],
)
def test_a_daily_digest_comes_at_eight_on_the_days_when_clocks_change(now: str, due_at: str) -> None:
    always = {day: [["00:00", "24:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    settings = {"digest": "daily", "mail_hours": {"timezone": "Europe/Berlin", "weekly": always}}
    choices = NotificationChoices.model_validate(settings)
    found = choices.mail_due_at(RuleEvent.CLOSED, datetime.fromisoformat(now))
    assert found == (datetime.fromisoformat(due_at), True)


@pytest.mark.parametrize(
    ("zone", "now", "due_at"),
    [
        ("America/Santiago", "2026-09-06T01:00:00Z", "2026-09-06T04:00:00Z"),
        ("Africa/Cairo", "2027-04-29T20:00:00Z", "2027-04-29T22:00:00Z"),
        ("Australia/Lord_Howe", "2026-10-03T12:00:00Z", "2026-10-03T13:30:00Z"),
    ],
)
def test_mail_hours_that_begin_at_midnight_begin_where_the_clock_leaves_it_out(
    zone: str, now: str, due_at: str
) -> None:
    """Santiago and Cairo go from 24:00 to 01:00: the hours begin with the first minute that there is."""
    days = {day: [["00:00", "06:00"]] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    choices = NotificationChoices.model_validate({"mail_hours": {"timezone": zone, "weekly": days}})
    found = choices.mail_due_at(RuleEvent.CLOSED, datetime.fromisoformat(now))
    assert found == (datetime.fromisoformat(due_at), False)


async def test_a_digest_is_one_mail_that_names_each(service: Running, mail_server: MailServer) -> None:
    """The digest is due later; made due now, everything that waits for it is one mail."""
    story = TicketEvents()
    await prefer(service, story.ada, digest="daily")
    mention = story.mentioned(story.ada, by=story.grace)
    await service.publish(*story.people(), story.submitted(), story.triaged(), story.assigned(), mention)

    async def both_wait() -> None:
        waiting = [*await rows(service, story, "assigned"), *await rows(service, story, "mentioned")]
        assert [one["status"] for one in waiting] == ["queued", "queued"]

    await eventually(both_wait)
    async with service.database.begin() as session:
        connection = await session.connection()
        await connection.exec_driver_sql(
            f"update deliveries set next_attempt_at = now() where bundle = 'digest:{story.ada}'"
        )
    service.app.state.app_state.wake_sender()
    to = f"ada-{story.number}@everdesk.example"
    await eventually(lambda: mail_server.to(to))
    (mail,) = mail_server.to(to)
    assert mail["Subject"] == "2 notifications from the desk"
    assert text_of(mail).count(story.number) == 2

    async def one_carries_the_other() -> None:
        states = [one["status"] for name in ("assigned", "mentioned") for one in await rows(service, story, name)]
        assert sorted(states) == ["dropped", "sent"]

    await eventually(one_carries_the_other)


async def test_a_storm_of_one_ticket_becomes_one_more_mail(service: Running) -> None:
    story = TicketEvents()
    await service.publish(*story.people(), story.submitted(), story.triaged(), story.assigned(by=story.ada))
    await service.publish(*(story.message(ActorKind.REQUESTER, f"Message {n}") for n in range(9)))

    async def is_held() -> None:
        found = await rows(service, story, "requester_message")
        assert len(found) == 9
        assert [one["status"] for one in found].count("queued") == 4
        held = [one for one in found if one["status"] == "queued"]
        assert {datetime.fromisoformat(one["next_attempt_at"]) > utc_now() + timedelta(seconds=20) for one in held} == {
            True
        }

    await eventually(is_held)


@pytest.mark.parametrize(
    ("wanted", "told"),
    [("replies", {"reply": "sent", "resolved": "dropped"}), ("none", {"reply": "dropped", "resolved": "dropped"})],
)
async def test_a_requester_hears_as_much_as_they_want(service: Running, wanted: str, told: dict[str, str]) -> None:
    story = TicketEvents()
    answer = await service.http.put(
        "/v1/preferences/addresses", params={"email": story.requester}, json={"wanted": wanted}, headers=OPERATOR
    )
    assert answer.json() == {"wanted": wanted, "is_bouncing": False}
    await service.publish(story.submitted(), story.message(ActorKind.AGENT), story.resolved(), story.link_requested())

    async def is_as_wanted() -> None:
        assert {name: (await rows(service, story, name))[0]["status"] for name in told} == told
        assert (await rows(service, story, "access_link"))[0]["status"] == "sent"

    await eventually(is_as_wanted)


async def test_nothing_goes_to_an_address_without_a_mailbox_until_that_is_cleared(
    service: Running, mail_server: MailServer
) -> None:
    story = TicketEvents()
    mail_server.refusals[story.requester] = ["550 5.1.1 No such user"]
    await service.publish(story.submitted())

    async def is_refused() -> None:
        (row,) = await rows(service, story, "acknowledgement")
        assert (row["status"], row["last_error"]) == ("failed", "550 5.1.1 No such user")

    await eventually(is_refused)
    await service.publish(story.message(ActorKind.AGENT))

    async def is_kept_back() -> None:
        (row,) = await rows(service, story, "reply")
        assert (row["status"], row["last_error"]) == (
            "dropped",
            "mail to the address bounces; an administrator can clear it",
        )

    await eventually(is_kept_back)
    cleared = await service.http.put(
        "/v1/preferences/addresses",
        params={"email": story.requester},
        json={"wanted": "all", "clear_bounce": True},
        headers=OPERATOR,
    )
    assert cleared.json() == {"wanted": "all", "is_bouncing": False}
    await service.publish(story.resolved())

    async def is_sent() -> None:
        assert (await rows(service, story, "resolved"))[0]["status"] == "sent"

    await eventually(is_sent)
