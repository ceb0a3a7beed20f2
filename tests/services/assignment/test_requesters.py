"""Requesters on the desk: people with several addresses, notes, and the tickets an agent may see."""

from uuid import UUID

from services.assignment.consumers.projection import project
from shared.contracts.events import RequesterErased
from shared.kit.clock import new_id, utc_now
from tests.services.assignment.desk import Desk, Json
from tests.services.assignment.test_erasure import Person, wrapped
from tests.support.database_search import tables_naming


async def found(desk: Desk, email: str, agent: str = "ada") -> list[Json]:
    """What a search for an address finds."""
    api = await desk.agent(agent)
    return list((await api.get("/v1/requesters", q=email))["items"])


async def test_whoever_writes_is_a_requester_with_their_tickets(desk: Desk) -> None:
    person = Person()
    ticket = await desk.ticket(requester={"email": person.email, "name": person.name})
    (one,) = await found(desk, person.email.lower())
    assert one["name"] == person.name
    ada = await desk.agent("ada")
    profile = await ada.get(f"/v1/requesters/{one['id']}")
    assert profile["emails"] == [person.email.lower()]
    assert profile["open_tickets"] == 1
    page = await ada.get(f"/v1/requesters/{one['id']}/tickets")
    assert [row["number"] for row in page["items"]] == [ticket["number"]]


async def test_several_addresses_are_one_person_and_one_address_is_one_persons(desk: Desk) -> None:
    first, second = Person(), Person()
    for person in (first, second):
        await desk.ticket(requester={"email": person.email, "name": person.name})
    (one,) = await found(desk, first.email.lower())
    ada = await desk.agent("ada")
    path, other = f"/v1/requesters/{one['id']}", f"{new_id().hex}@home.example"
    refused = await ada.patch(path, {"emails": [first.email, second.email]}, expect=422)
    assert refused["errors"][0]["pointer"] == "/emails/1"
    changed = await ada.patch(path, {"emails": [other, first.email]})
    assert changed["emails"] == [other, first.email.lower()]
    await desk.ticket(requester={"email": other.upper(), "name": "At home"})
    assert [row["id"] for row in await found(desk, other)] == [one["id"]]
    assert len((await ada.get(f"{path}/tickets"))["items"]) == 2
    stale = await ada.patch(path, {"name": "New", "version": one.get("version", 1)}, expect=412)
    assert stale["code"] == "version_conflict"
    await ada.patch(path, {"emails": [other]})
    (freed,) = await found(desk, first.email.lower())
    assert freed["id"] != one["id"]


async def test_agents_see_requesters_by_the_tickets_they_see(desk: Desk) -> None:
    person = Person()
    await desk.ticket("online-banking", requester={"email": person.email, "name": person.name})
    (one,) = await found(desk, person.email.lower())
    dmitri, chioma = await desk.agent("dmitri"), await desk.agent("chioma")
    assert await found(desk, person.email.lower(), "dmitri") == []
    for path in ("", "/tickets", "/notes"):
        await dmitri.get(f"/v1/requesters/{one['id']}{path}", expect=404)
    assert (await chioma.get(f"/v1/requesters/{one['id']}"))["id"] == one["id"]
    own = [person.email, "chioma@everdesk.example"]
    await chioma.patch(f"/v1/requesters/{one['id']}", {"emails": own}, expect=403)
    await chioma.patch(f"/v1/requesters/{one['id']}", {"phone": "+49 30 1234"})


async def test_an_erasure_takes_the_person_the_addresses_and_the_notes(desk: Desk) -> None:
    person = Person()
    ticket = await desk.ticket(requester={"email": person.email, "name": person.name})
    (one,) = await found(desk, person.email.lower())
    ada, other = await desk.agent("ada"), f"{new_id().hex}@home.example"
    await ada.post(f"/v1/requesters/{one['id']}/notes", {"body": person.marker}, expect=201)
    await ada.patch(f"/v1/requesters/{one['id']}", {"emails": [person.email, other]})
    gone = RequesterErased(requester_id=desk.ids.of(other), ticket_ids=(), erased_at=utc_now())
    erased = person.erased(desk, UUID(ticket["id"]))
    await project(desk.database, desk.ids, "test", [wrapped(gone), erased])
    assert await person.traces(desk) == {}
    assert await tables_naming(desk.database.engine, (other,)) == {}
    await ada.get(f"/v1/requesters/{one['id']}", expect=404)
