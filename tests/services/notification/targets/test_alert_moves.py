"""An alert that is open at an on-call service when its ticket moves or goes, or the service itself is switched off."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from sqlalchemy import select

from services.notification.models import NotificationTarget
from services.notification.targets import queue
from services.notification.targets.retirement import forget_removed
from shared.contracts.base import TeamId
from shared.contracts.events import RequesterErased
from shared.contracts.vocabulary import ClockState, Metric
from shared.kit.backoff import Backoff
from shared.kit.clock import new_id, utc_now
from tests.contracts.examples import RESOLUTION, at
from tests.services.notification.running import OPERATOR, Running
from tests.services.notification.targets.test_targets import TARGETS, Receiver, is_settled, receiver, rows
from tests.services.notification.ticket_events import TicketEvents, wrapped
from tests.support.eventually import eventually

OVERDUE = RESOLUTION.model_copy(update={"breached_at": at(240)})
SETTLED = OVERDUE.model_copy(update={"state": ClockState.SETTLED, "settled_at": at(241)})


@asynccontextmanager
async def pager_of(service: Running, team: TeamId | None) -> AsyncIterator[tuple[Receiver, str]]:
    """An on-call service of one team, or of all, and its path in the API."""
    async with receiver() as pager:
        body = {"name": "Pager", "kind": "pagerduty", "url": pager.url, "secret": "key"}
        body |= {"team_id": str(team)} if team else {}
        answer = await service.http.post(TARGETS, json=body, headers=OPERATOR)
        assert answer.status_code == 201, answer.text
        path = f"{TARGETS}/{answer.json()['id']}"
        yield pager, path
        await service.http.delete(path, headers=OPERATOR)


def told(pager: Receiver, story: TicketEvents) -> list[str]:
    """What an on-call service was told of a ticket, always under the same key."""
    ours = f"everdesk-{story.ticket_id}"
    return [one["event_action"] for one in pager.seen if one["dedup_key"] == ours]


async def all_is_handled(service: Running, story: TicketEvents) -> None:
    """Returns once everything that was published before has been decided and sent."""
    after = TicketEvents()
    await service.publish(*after.people(), after.submitted(), after.link_requested())
    await eventually(lambda: is_settled(service, after))

    async def is_sent() -> None:
        assert {one["status"] for one in await rows(service, story, "on_call")} <= {"sent", "dropped"}

    await eventually(is_sent)


async def breached(service: Running, story: TicketEvents) -> None:
    await service.publish(*story.people(), story.submitted(), story.triaged(), story.breached(seq=5))


async def test_an_alert_moves_with_its_ticket(service: Running) -> None:
    story, new_team = TicketEvents(), TeamId(new_id())
    async with pager_of(service, story.team) as (old, _), pager_of(service, new_team) as (new, _):
        await breached(service, story)
        await eventually(lambda: told(old, story) == ["trigger"])
        move = story.transferred(story.ada, seq=6, to=new_team, clocks=(OVERDUE,))
        await service.publish(move)
        await eventually(lambda: told(old, story) == ["trigger", "resolve"])
        await eventually(lambda: told(new, story) == ["trigger"])
        assert "overdue" in new.seen[0]["payload"]["summary"]
        await service.deliver_again(story.breached(seq=5), move)
        await all_is_handled(service, story)
        assert (told(old, story), told(new, story)) == (["trigger", "resolve"], ["trigger"])
        await service.publish(story.resolved(seq=7))
        await eventually(lambda: told(new, story) == ["trigger", "resolve"])
        await all_is_handled(service, story)
        assert told(old, story) == ["trigger", "resolve"]


async def test_a_ticket_that_comes_back_calls_its_team_again(service: Running) -> None:
    story, other = TicketEvents(), TeamId(new_id())
    async with pager_of(service, story.team) as (here, _), pager_of(service, other) as (there, _):
        await breached(service, story)
        away = story.transferred(story.ada, seq=6, to=other, clocks=(OVERDUE,))
        back = story.transferred(story.ada, seq=7, clocks=(OVERDUE,))
        await eventually(lambda: told(here, story) == ["trigger"])
        await service.publish(away)
        await eventually(lambda: told(there, story) == ["trigger"])
        await service.publish(back)
        await eventually(lambda: told(here, story)[-1:] == ["trigger"] and told(there, story)[-1:] == ["resolve"])
        await service.deliver_again(away, back)
        await service.publish(story.closed(seq=8))
        await eventually(lambda: told(here, story)[-1:] == ["resolve"])
        await all_is_handled(service, story)
        assert told(there, story) == ["trigger", "resolve"]
        assert told(here, story) == ["trigger", "resolve"] * 2


@pytest.mark.parametrize("clock", [RESOLUTION, SETTLED], ids=["not overdue any more", "settled"])
async def test_nobody_is_called_anew_for_what_does_not_stand(service: Running, clock: Any) -> None:
    story, new_team = TicketEvents(), TeamId(new_id())
    async with pager_of(service, story.team) as (old, _), pager_of(service, new_team) as (new, _):
        await breached(service, story)
        await eventually(lambda: told(old, story) == ["trigger"])
        await service.publish(story.transferred(story.ada, seq=6, to=new_team, clocks=(clock,)))
        await eventually(lambda: told(old, story) == ["trigger", "resolve"])
        await all_is_handled(service, story)
        assert told(new, story) == []


async def test_a_service_for_every_team_is_told_nothing_of_a_move(service: Running) -> None:
    story = TicketEvents()
    async with pager_of(service, None) as (pager, _):
        await breached(service, story)
        await eventually(lambda: told(pager, story) == ["trigger"])
        await service.publish(story.transferred(story.ada, seq=6, to=TeamId(new_id()), clocks=(OVERDUE,)))
        await all_is_handled(service, story)
        assert told(pager, story) == ["trigger"]
        await service.publish(story.closed(seq=7))
        await eventually(lambda: told(pager, story) == ["trigger", "resolve"])


@pytest.mark.parametrize("is_together", [True, False], ids=["one batch", "the move first"])
async def test_a_breach_that_comes_after_the_move_calls_the_team_that_has_the_ticket(
    service: Running, is_together: bool
) -> None:
    """Steps of two publishers come in either order."""
    story, new_team = TicketEvents(), TeamId(new_id())
    async with pager_of(service, story.team) as (old, _), pager_of(service, new_team) as (new, _):
        move = story.transferred(story.ada, seq=6, to=new_team, clocks=(OVERDUE,))
        await service.publish(*story.people(), story.submitted(), story.triaged(), move)
        if not is_together:
            await eventually(lambda: told(new, story) == ["trigger"])
        await service.publish(story.breached(seq=5))
        await eventually(lambda: told(new, story) == ["trigger"])
        await all_is_handled(service, story)
        assert (told(old, story), told(new, story)) == ([], ["trigger"])


async def test_an_escalation_calls_those_whom_its_ladder_gave_the_ticket_to(service: Running) -> None:
    story, new_team = TicketEvents(), TeamId(new_id())
    async with pager_of(service, story.team) as (old, _), pager_of(service, new_team) as (new, _):
        await service.publish(*story.people(), story.submitted(), story.triaged(), story.escalated(seq=5))
        await eventually(lambda: told(old, story) == ["trigger"])
        await service.publish(story.transferred(None, seq=6, to=new_team))
        await eventually(lambda: told(old, story) == ["trigger", "resolve"])
        await eventually(lambda: told(new, story) == ["trigger"])
        assert "Escalated" in new.seen[0]["payload"]["summary"]


async def test_an_alert_about_two_clocks_ends_where_it_went_once_neither_breach_stands(service: Running) -> None:
    story, new_team = TicketEvents(), TeamId(new_id())
    reply = OVERDUE.model_copy(update={"metric": Metric.FIRST_RESPONSE})
    async with pager_of(service, story.team) as (old, _), pager_of(service, new_team) as (new, _):
        await breached(service, story)
        await service.publish(story.breached(seq=6, metric=Metric.FIRST_RESPONSE))
        await eventually(lambda: told(old, story) == ["trigger"] * 2)
        await service.publish(story.transferred(story.ada, seq=7, to=new_team, clocks=(OVERDUE, reply)))
        await eventually(lambda: told(new, story) == ["trigger"] * 2)
        await service.publish(story.withdrawn(seq=8, team_id=new_team))
        await all_is_handled(service, story)
        assert told(new, story) == ["trigger"] * 2
        await service.publish(story.withdrawn(seq=9, metric=Metric.FIRST_RESPONSE, team_id=new_team))
        await eventually(lambda: told(new, story) == ["trigger", "trigger", "resolve"])
        assert told(old, story) == ["trigger", "trigger", "resolve"]


async def test_the_alert_of_an_erased_ticket_ends_and_none_begins(service: Running) -> None:
    story = TicketEvents()
    async with pager_of(service, story.team) as (pager, _):
        await breached(service, story)
        await eventually(lambda: told(pager, story) == ["trigger"])
        gone = story.erased()
        await service.publish(gone)
        await eventually(lambda: told(pager, story) == ["trigger", "resolve"])
        await service.deliver_again(gone, story.breached(seq=5))
        await service.publish(story.breached(seq=6, metric=Metric.FIRST_RESPONSE))
        await all_is_handled(service, story)
        assert told(pager, story) == ["trigger", "resolve"]


async def test_each_alert_of_an_erased_person_ends(service: Running) -> None:
    one = TicketEvents()
    other = TicketEvents(team=one.team)
    async with pager_of(service, one.team) as (pager, _):
        for story in (one, other):
            await breached(service, story)
        await eventually(lambda: told(pager, one) == told(pager, other) == ["trigger"])
        ids = (one.ticket_id, other.ticket_id)
        await service.publish(wrapped(RequesterErased(requester_id=new_id(), ticket_ids=ids, erased_at=utc_now())))
        await eventually(lambda: told(pager, one) == told(pager, other) == ["trigger", "resolve"])


@pytest.mark.parametrize("how", ["switched off", "removed"])
async def test_a_service_that_goes_is_told_the_end_of_what_it_was_called_for(service: Running, how: str) -> None:
    story, other = TicketEvents(), TicketEvents()
    other.team = story.team
    async with pager_of(service, story.team) as (pager, path):
        await breached(service, story)
        await eventually(lambda: told(pager, story) == ["trigger"])
        if how == "removed":
            assert (await service.http.delete(path, headers=OPERATOR)).status_code == 204
            assert (await service.http.get(path, headers=OPERATOR)).status_code == 404
            assert path.rpartition("/")[2] not in (await service.http.get(TARGETS, headers=OPERATOR)).text
        else:
            off = {"name": "Pager", "kind": "pagerduty", "url": pager.url, "team_id": str(story.team)}
            answer = await service.http.put(path, json=off | {"is_active": False}, headers=OPERATOR)
            assert answer.status_code == 200, answer.text
        await eventually(lambda: told(pager, story) == ["trigger", "resolve"])
        await breached(service, other)
        await service.publish(story.resolved(seq=6))
        await all_is_handled(service, story)
        assert told(pager, story) == ["trigger", "resolve"]
        assert told(pager, other) == []


async def test_a_removed_service_is_forgotten_once_all_is_said(
    service: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the message that waited for another attempt is not made any more."""
    monkeypatch.setattr(queue, "RETRIES", Backoff((60,)))
    story = TicketEvents()
    async with pager_of(service, story.team) as (pager, path):
        pager.answer = "503 Busy"
        await breached(service, story)
        await eventually(lambda: told(pager, story) == ["trigger"])

        async def waits() -> None:
            assert [(one["status"], one["attempts"]) for one in await rows(service, story, "on_call")] == [
                ("queued", 1)
            ]

        await eventually(waits)
        pager.answer = "200 OK"
        await service.http.delete(path, headers=OPERATOR)
        await eventually(lambda: told(pager, story) == ["trigger", "resolve"])
        await all_is_handled(service, story)
        target_id = path.rpartition("/")[2]
        async with service.database.begin() as session:
            await forget_removed(session)
            left = await session.scalars(select(NotificationTarget.id))
            assert target_id not in {str(one) for one in left}


async def test_an_alert_that_is_over_is_not_opened_again_by_sending_again_what_failed(service: Running) -> None:
    """Nothing would end it a second time."""
    story = TicketEvents()
    async with pager_of(service, story.team) as (pager, path):
        pager.answer = "404 Not found"
        await breached(service, story)

        async def has_failed() -> None:
            assert [one["status"] for one in await rows(service, story, "on_call")] == ["failed"]

        await eventually(has_failed)
        pager.answer = "200 OK"
        await service.publish(story.resolved(seq=6))
        await eventually(lambda: told(pager, story) == ["trigger", "resolve"])
        again = {"target_id": path.rpartition("/")[2]}
        answer = await service.http.post("/v1/deliveries/replay", json=again, headers=OPERATOR)
        assert answer.json()["count"] == 1

        async def is_dropped() -> None:
            found = {one["template"]: one for one in await rows(service, story, "on_call")}
            assert found["sla_breached"]["last_error"] == "the end of its alert was told since"

        await eventually(is_dropped)
        assert told(pager, story) == ["trigger", "resolve"]


async def test_a_service_at_another_place_ends_its_alerts_at_the_former_one(service: Running) -> None:
    """They are open where they were opened, and only there can they be ended; the new place is called."""
    story = TicketEvents()
    async with pager_of(service, story.team) as (old, path), receiver() as new:
        await breached(service, story)
        await eventually(lambda: told(old, story) == ["trigger"])
        body = {"name": "Pager", "kind": "pagerduty", "team_id": str(story.team)}
        same = await service.http.put(path, json=body | {"url": old.url}, headers=OPERATOR)
        assert same.status_code == 200, same.text
        await service.http.put(path, json=body | {"url": new.url, "secret": "another"}, headers=OPERATOR)
        await eventually(lambda: told(old, story) == ["trigger", "resolve"])
        await eventually(lambda: told(new, story) == ["trigger"])
        assert {one["routing_key"] for one in old.seen} == {"key"}
        assert "Resolution overdue" in new.seen[0]["payload"]["summary"]
        listed = (await service.http.get(TARGETS, headers=OPERATOR)).json()["items"]
        assert sum(one["team_id"] == str(story.team) for one in listed) == 1
        await service.publish(story.resolved(seq=6))
        await eventually(lambda: told(new, story) == ["trigger", "resolve"])
        await all_is_handled(service, story)
        assert told(old, story) == ["trigger", "resolve"]
        assert new.seen[-1]["routing_key"] == "another"
