"""People in copy at the desk: shown as intake announces them, decided about by agents who may."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from services.assignment.commands.conversation import participants
from services.assignment.consumers.projection import project
from shared.contracts.base import TicketId
from shared.contracts.events import Envelope, ParticipantChanged, ParticipantDecided, RequesterErased, TicketErased
from shared.contracts.vocabulary import Channel, ParticipantState
from shared.kit.clock import new_id, utc_now
from shared.kit.tables import outbox, outbox_published
from tests.services.assignment.desk import AgentApi, Desk, Json
from tests.services.assignment.permissions.test_permissions import make
from tests.support.database_search import tables_naming
from tests.support.eventually import eventually

LEE = "lee@bank.example"


def changed(ticket: Json, state: str, version: int, email: str = LEE, **values: Any) -> Envelope:
    """What intake announces about somebody in copy."""
    named = {"name": "Lee", "channel": Channel.EMAIL, "added_by": "dana@bank.example", "added_at": utc_now()}
    event = ParticipantChanged(
        ticket_id=TicketId(UUID(ticket["id"])),
        email=email,
        state=ParticipantState(state),
        version=version,
        changed_at=utc_now(),
        **{**named, **values},
    )
    return event.envelope(str(new_id()), utc_now())


async def announce(desk: Desk, *events: Envelope) -> None:
    await project(desk.database, desk.ids, "test", list(events))


def path_of(ticket: Json, email: str = "", action: str = "") -> str:
    parts = (f"/v1/tickets/{ticket['id']}/participants", email, action)
    return "/".join(part for part in parts if part)


async def in_copy(agent: AgentApi, ticket: Json) -> dict[str, str]:
    items = (await agent.get(path_of(ticket)))["items"]
    return {item["email"]: item["state"] for item in items}


async def decisions(desk: Desk, ticket: Json) -> list[tuple[str, str]]:
    return [(one.email, one.decision.value) for one in await decided(desk, ticket)]


async def decided(desk: Desk, ticket: Json) -> list[ParticipantDecided]:
    """What was announced for intake, whether it has left already or not, in order."""
    found: dict[int, ParticipantDecided] = {}
    async with desk.database.begin() as session:
        for table in (outbox, outbox_published):
            subject = f"{ParticipantDecided.type()}.{ticket['id']}"
            rows = await session.execute(select(table.c.id, table.c.envelope).where(table.c.subject == subject))
            found |= {row.id: ParticipantDecided.of(Envelope.model_validate_json(row.envelope)) for row in rows}
    return [one for _, one in sorted(found.items())]


async def test_shows_who_is_in_copy_by_whom_and_since_when(desk: Desk) -> None:
    ticket, ada = await desk.ticket(), await desk.agent("ada")
    await desk.publish(changed(ticket, "proposed", 1))

    async def seen() -> Json:
        items: list[Json] = (await ada.get(path_of(ticket)))["items"]
        assert len(items) == 1
        return items[0]

    person = await eventually(seen, within=20)
    assert (person["email"], person["state"], person["channel"]) == (LEE, "proposed", "email")
    assert (person["added_by"], person["joined_at"]) == ("dana@bank.example", None)


async def test_an_older_event_overwrites_nothing(desk: Desk) -> None:
    ticket, ada = await desk.ticket(), await desk.agent("ada")
    await announce(desk, changed(ticket, "joined", 3), changed(ticket, "proposed", 1))
    await announce(desk, changed(ticket, "invited", 2), changed(ticket, "joined", 3))
    assert await in_copy(ada, ticket) == {LEE: "joined"}
    await announce(desk, changed(ticket, "removed", 4))
    await announce(desk, changed(ticket, "joined", 3))
    assert await in_copy(ada, ticket) == {}


async def test_an_agent_confirms_and_removes(desk: Desk) -> None:
    ticket, ada = await desk.ticket(), await desk.agent("ada")
    await announce(desk, changed(ticket, "proposed", 1))
    confirmed = await ada.post(path_of(ticket, LEE, "confirm"), expect=202)
    assert (confirmed["state"], confirmed["added_by"]) == ("invited", "dana@bank.example")
    await ada.post(path_of(ticket, LEE, "confirm"), expect=202)
    for _ in range(2):
        assert (await ada.send("DELETE", path_of(ticket, "LEE@bank.example"))).status_code == 204
    assert await in_copy(ada, ticket) == {}
    assert await decisions(desk, ticket) == [(LEE, "invite"), (LEE, "remove")]
    await ada.post(path_of(ticket, LEE, "confirm"), expect=404)


async def test_a_decision_is_later_than_those_before_whatever_the_clock_of_its_process_says(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Intake goes by that instant: a removal that seemed older than the invitation would never be carried out."""
    ticket, ada = await desk.ticket(), await desk.agent("ada")
    await ada.post(path_of(ticket), {"email": LEE}, expect=202)
    monkeypatch.setattr(participants, "utc_now", lambda: utc_now() - timedelta(minutes=1))
    assert (await ada.send("DELETE", path_of(ticket, LEE))).status_code == 204
    await ada.post(path_of(ticket), {"email": LEE, "name": "Lee"}, expect=202)
    instants = [one.decided_at for one in await decided(desk, ticket)]
    assert len(instants) == 3
    assert instants == sorted(set(instants))


async def test_what_intake_announces_afterwards_stands(desk: Desk) -> None:
    ticket, ada = await desk.ticket(), await desk.agent("ada")
    await announce(desk, changed(ticket, "proposed", 1))
    await ada.post(path_of(ticket, LEE, "confirm"), expect=202)
    await announce(desk, changed(ticket, "proposed", 1))
    assert await in_copy(ada, ticket) == {LEE: "invited"}
    await announce(desk, changed(ticket, "proposed", 2))
    assert await in_copy(ada, ticket) == {LEE: "proposed"}


async def test_adding_is_done_once_per_key_and_address(desk: Desk) -> None:
    ticket, ada = await desk.ticket(), await desk.agent("ada")
    path, key = path_of(ticket), str(new_id())
    body = {"email": "Ida@bücher.example", "name": "Ida"}
    added = await ada.post(path, body, expect=202, Idempotency_Key=key)
    assert (added["email"], added["name"], added["state"]) == ("ida@xn--bcher-kva.example", "Ida", "invited")
    assert (added["channel"], added["added_by"]) == ("desk", "Ada Lindqvist")
    assert await ada.post(path, body, expect=202, Idempotency_Key=key) == added
    await ada.post(path, {"email": LEE}, expect=422, Idempotency_Key=key)
    await ada.post(path, {"email": "ida@xn--bcher-kva.example"}, expect=202)
    assert await decisions(desk, ticket) == [("ida@xn--bcher-kva.example", "invite")]


async def test_a_key_of_one_confirmation_is_none_for_another(desk: Desk) -> None:
    ticket, ada, key = await desk.ticket(), await desk.agent("ada"), str(new_id())
    await announce(desk, changed(ticket, "proposed", 1), changed(ticket, "proposed", 1, "kim@bank.example"))
    await ada.post(path_of(ticket, LEE, "confirm"), expect=202, Idempotency_Key=key)
    await ada.post(path_of(ticket, "kim@bank.example", "confirm"), expect=422, Idempotency_Key=key)
    assert await in_copy(ada, ticket) == {LEE: "invited", "kim@bank.example": "proposed"}


async def test_refuses_what_intake_would_not_do(desk: Desk) -> None:
    ticket, ada = await desk.ticket(), await desk.agent("ada")
    await announce(desk, changed(ticket, "declined", 2))
    for path, body in ((path_of(ticket), {"email": LEE}), (path_of(ticket, LEE, "confirm"), {})):
        assert (await ada.post(path, body, expect=409))["code"] == "participant_declined"
    for email in ("DANA@bank.example", "not an address", "ünique@bank.example", f"{'a' * 260}@bank.example"):
        await ada.post(path_of(ticket), {"email": email}, expect=422)
    for nobody in ("nobody@bank.example", "a%00b", "a%2Fb", "%F0%9F%98%80"):
        await ada.post(path_of(ticket, nobody, "confirm"), expect=404)
        assert (await ada.send("DELETE", path_of(ticket, nobody))).status_code == 404
    assert await decisions(desk, ticket) == []


async def test_an_address_with_a_slash_can_be_removed(desk: Desk) -> None:
    ticket, ada = await desk.ticket(), await desk.agent("ada")
    await announce(desk, changed(ticket, "joined", 3, "a/confirm@bank.example"))
    assert (await ada.send("DELETE", path_of(ticket, "a%2Fconfirm@bank.example"))).status_code == 204
    assert await in_copy(ada, ticket) == {}


async def test_a_ticket_has_so_many_in_copy_and_no_more(desk: Desk) -> None:
    ticket, ada = await desk.ticket(), await desk.agent("ada")
    await announce(desk, *(changed(ticket, "joined", 3, f"p{number}@bank.example") for number in range(19)))
    await announce(desk, changed(ticket, "proposed", 1))
    await ada.post(path_of(ticket), {"email": "kim@bank.example"}, expect=202)
    assert (await ada.post(path_of(ticket), {"email": "x@bank.example"}, expect=409))["code"] == "too_many_participants"
    await ada.post(path_of(ticket, LEE, "confirm"), expect=409)
    await ada.send("DELETE", path_of(ticket, "p0@bank.example"))
    await ada.post(path_of(ticket, LEE, "confirm"), expect=202)


async def test_asks_for_permission_to_edit_the_ticket(desk: Desk) -> None:
    ticket = await desk.ticket()
    await announce(desk, changed(ticket, "proposed", 1))
    editor = await make(desk, "teams", ["ticket.view", "ticket.edit"])
    viewer = await desk.agent("vera")
    outsider = await make(desk, "teams", ["ticket.view", "ticket.edit"], team="access-management")
    calls: tuple[tuple[str, str, Json | None], ...] = (
        ("POST", path_of(ticket), {"email": "kim@bank.example"}),
        ("POST", path_of(ticket, LEE, "confirm"), {}),
        ("DELETE", path_of(ticket, LEE), None),
    )
    assert await in_copy(viewer, ticket) == {LEE: "proposed"}
    assert (await outsider.api.send("GET", path_of(ticket))).status_code == 404
    for method, path, body in calls:
        assert (await viewer.send(method, path, json=body)).status_code == 403
        assert (await outsider.api.send(method, path, json=body)).status_code == 404
    assert await decisions(desk, ticket) == []
    for method, path, body in calls:
        assert (await editor.api.send(method, path, json=body)).status_code in (202, 204)


async def test_erasing_a_ticket_takes_everybody_in_copy_along(desk: Desk) -> None:
    ticket, ada = await desk.ticket(), await desk.agent("ada")
    email = f"lee{new_id().hex}@bank.example"
    await announce(desk, changed(ticket, "proposed", 1, email, name=email, added_by=email))
    await ada.post(path_of(ticket, email, "confirm"), expect=202, Idempotency_Key=str(new_id()))
    erased = TicketErased(ticket_id=TicketId(UUID(ticket["id"])), erased_at=utc_now())
    await announce(desk, erased.envelope(str(new_id()), utc_now()))
    await announce(desk, changed(ticket, "joined", 3, email))
    assert set(await tables_naming(desk.database.engine, (email,))) <= {"outbox"}
    await ada.post(path_of(ticket), {"email": email}, expect=409)


async def test_erasing_a_person_takes_only_them_out_of_others_tickets(desk: Desk) -> None:
    ticket, ada = await desk.ticket(), await desk.agent("ada")
    email = f"lee{new_id().hex}@bank.example"
    kim = changed(ticket, "joined", 3, "kim@bank.example", added_by=email)
    await announce(desk, changed(ticket, "joined", 3, email, name=email), kim)
    gone = RequesterErased(
        requester_id=desk.ids.of(email),
        ticket_ids=(),
        took_part_in=(TicketId(UUID(ticket["id"])),),
        erased_at=utc_now(),
    )
    await announce(desk, gone.envelope(str(new_id()), utc_now()))
    assert await in_copy(ada, ticket) == {"kim@bank.example": "joined"}
    assert await tables_naming(desk.database.engine, (email,)) == {}
