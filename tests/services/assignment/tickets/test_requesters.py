"""Requesters on the desk: people with several addresses, notes, and the tickets an agent may see."""

from uuid import UUID

from services.assignment.consumers.projection import project
from shared.contracts.events import RequesterErased
from shared.kit.clock import new_id, utc_now
from tests.services.assignment.desk import Desk, Json
from tests.services.assignment.read_model.test_erasure import Person, wrapped
from tests.support.database_search import tables_naming
from tests.support.eventually import eventually


async def found(desk: Desk, email: str, agent: str = "ada") -> list[Json]:
    """What a search for an address finds."""
    api = await desk.agent(agent)
    return list((await api.get("/v1/requesters", q=email))["items"])


async def known(desk: Desk, email: str) -> Json:
    """Whose an address is, once its first ticket has made somebody of it: that may come after triage."""

    async def one() -> Json:
        (person,) = await found(desk, email)
        return person

    return await eventually(one)


async def tickets_at(desk: Desk, path: str, count: int) -> list[Json]:
    """The tickets of a person or an organisation, of which there must be so many."""
    api = await desk.agent("ada")
    tickets = list((await api.get(f"{path}/tickets"))["items"])
    assert len(tickets) == count
    return tickets


async def test_whoever_writes_is_a_requester_with_their_tickets(desk: Desk) -> None:
    person = Person()
    ticket = await desk.ticket(requester={"email": person.email, "name": person.name})
    one = await known(desk, person.email.lower())
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
    one = await known(desk, first.email.lower())
    ada = await desk.agent("ada")
    path, other = f"/v1/requesters/{one['id']}", f"{new_id().hex}@home.example"
    refused = await ada.patch(path, {"emails": [first.email, second.email]}, expect=422)
    assert refused["errors"][0]["pointer"] == "/emails/1"
    changed = await ada.patch(path, {"emails": [other, first.email]})
    assert changed["emails"] == [other, first.email.lower()]
    await desk.ticket(requester={"email": other.upper(), "name": "At home"})
    assert [row["id"] for row in await found(desk, other)] == [one["id"]]
    await eventually(lambda: tickets_at(desk, path, 2))
    stale = await ada.patch(path, {"name": "New", "version": one.get("version", 1)}, expect=412)
    assert stale["code"] == "version_conflict"
    await ada.patch(path, {"emails": [other]})
    freed = await known(desk, first.email.lower())
    assert freed["id"] != one["id"]


async def test_agents_see_requesters_by_the_tickets_they_see(desk: Desk) -> None:
    person = Person()
    await desk.ticket("online-banking", requester={"email": person.email, "name": person.name})
    one = await known(desk, person.email.lower())
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
    one = await known(desk, person.email.lower())
    ada, other = await desk.agent("ada"), f"{new_id().hex}@home.example"
    key = str(new_id())
    await ada.post(f"/v1/requesters/{one['id']}/notes", {"body": person.marker}, expect=201, Idempotency_Key=key)
    await ada.patch(f"/v1/requesters/{one['id']}", {"emails": [person.email, other]})
    gone = RequesterErased(requester_id=desk.ids.of(other), ticket_ids=(), erased_at=utc_now())
    erased = person.erased(desk, UUID(ticket["id"]))
    await project(desk.database, desk.ids, "test", [wrapped(gone), erased])
    assert await person.traces(desk) == {}
    assert await tables_naming(desk.database.engine, (other,)) == {}
    await ada.get(f"/v1/requesters/{one['id']}", expect=404)


async def two_people(desk: Desk) -> tuple[tuple[Person, Json], tuple[Person, Json]]:
    """Two requesters with a ticket each."""
    people = (Person(), Person())
    for person in people:
        await desk.ticket(requester={"email": person.email, "name": person.name})
    first, second = [await known(desk, person.email.lower()) for person in people]
    return (people[0], first), (people[1], second)


async def test_a_merge_moves_addresses_and_notes_and_can_be_undone(desk: Desk) -> None:
    (one, row), (other, into) = await two_people(desk)
    ada, chioma = await desk.agent("ada"), await desk.agent("chioma")
    await ada.post(f"/v1/requesters/{row['id']}/notes", {"body": one.marker}, expect=201)
    preview = await ada.get(f"/v1/requesters/{row['id']}/merge", into=into["id"])
    assert (preview["addresses"], preview["tickets"], preview["notes"]) == ([one.email.lower()], 1, 1)
    await chioma.post(f"/v1/requesters/{row['id']}/merge", {"into": into["id"]}, expect=403)
    merged = await ada.post(f"/v1/requesters/{row['id']}/merge", {"into": into["id"]}, expect=200)
    assert merged["emails"] == [other.email.lower(), one.email.lower()]
    assert merged["open_tickets"] == 2
    assert [note["body"] for note in (await ada.get(f"/v1/requesters/{into['id']}/notes"))["items"]] == [one.marker]
    await ada.post(f"/v1/requesters/{row['id']}/merge", {"into": into["id"]}, expect=409)
    await ada.patch(f"/v1/requesters/{row['id']}", {"name": "No more"}, expect=409)
    apart = await ada.post(f"/v1/requesters/{row['id']}/unmerge", expect=200)
    assert (apart["emails"], apart["merged_into"]) == ([one.email.lower()], None)
    assert (await ada.get(f"/v1/requesters/{into['id']}"))["emails"] == [other.email.lower()]


async def test_merges_of_merges_are_undone_one_by_one(desk: Desk) -> None:
    (one, first), (two, second) = await two_people(desk)
    (three, third), _ = await two_people(desk)
    ada = await desk.agent("ada")
    await ada.post(f"/v1/requesters/{first['id']}/merge", {"into": second["id"]}, expect=200)
    final = await ada.post(f"/v1/requesters/{second['id']}/merge", {"into": third["id"]}, expect=200)
    assert len(final["emails"]) == 3
    assert {row["id"] for row in final["merged"]} == {first["id"], second["id"]}
    back = await ada.post(f"/v1/requesters/{second['id']}/unmerge", expect=200)
    assert set(back["emails"]) == {one.email.lower(), two.email.lower()}
    alone = await ada.post(f"/v1/requesters/{first['id']}/unmerge", expect=200)
    assert alone["emails"] == [one.email.lower()]
    assert (await ada.get(f"/v1/requesters/{third['id']}"))["emails"] == [three.email.lower()]


async def test_organisations_hold_people_by_domain_and_by_hand(desk: Desk) -> None:
    ada, domain = await desk.agent("ada"), f"{new_id().hex[-12:]}.example"
    refused = await ada.post("/v1/organisations", {"name": domain, "domains": ["Mail.GMX.net"]}, expect=422)
    assert refused["errors"][0]["pointer"].startswith("/domains")
    bank = await ada.post(
        "/v1/organisations", {"name": domain, "domains": [domain], "ticket_sharing": "managers"}, expect=201
    )
    branch = await ada.post("/v1/organisations", {"name": f"b {domain}", "domains": [f"x.{domain}"]}, expect=201)
    by_domain, below = f"dana@{domain}", f"ruth@x.{domain}"
    for email in (by_domain, f"eve@y.{domain}", below):
        await desk.ticket(requester={"email": email, "name": email})
    other = await ada.post(
        "/v1/requesters",
        {"name": "Zoe", "emails": [f"{new_id().hex}@home.example"], "organisation_id": bank["id"], "is_manager": True},
        expect=201,
    )
    members = (await ada.get(f"/v1/organisations/{bank['id']}/requesters"))["items"]
    assert [row["name"] for row in members] == ["Zoe", by_domain, f"eve@y.{domain}"]
    assert members[0]["is_manager"]
    assert members[0]["id"] == other["id"]
    tickets = (await ada.get(f"/v1/organisations/{bank['id']}/tickets"))["items"]
    assert [row["requester_email"] for row in tickets] == [f"eve@y.{domain}", by_domain]
    first = await ada.get(f"/v1/organisations/{bank['id']}/requesters", limit="2")
    rest = await ada.get(f"/v1/organisations/{bank['id']}/requesters", limit="2", cursor=first["next_cursor"])
    assert [row["id"] for row in (*first["items"], *rest["items"])] == [row["id"] for row in members]
    for one in (bank, branch):
        await ada.send("DELETE", f"/v1/organisations/{one['id']}")
    assert not (await ada.get(f"/v1/requesters/{other['id']}"))["is_manager"]


async def test_the_primary_address_says_whose_people_somebody_is(desk: Desk) -> None:
    ada, domain = await desk.agent("ada"), f"{new_id().hex[-12:]}.example"
    firm = await ada.post("/v1/organisations", {"name": domain, "domains": [domain]}, expect=201)
    path = f"/v1/organisations/{firm['id']}/requesters"

    async def members() -> list[str]:
        return [row["name"] for row in (await ada.get(path))["items"]]

    ids, home = {}, f"{new_id().hex}@home.example"
    for name in ("Ruth", "Abel", "Zoe"):
        email = f"{name.lower()}@{domain}"
        await desk.ticket(requester={"email": email, "name": name})
        ids[name] = (await known(desk, email))["id"]
    assert await members() == ["Abel", "Ruth", "Zoe"]
    await ada.patch(f"/v1/requesters/{ids['Ruth']}", {"emails": [home, f"ruth@{domain}"]})
    assert await members() == ["Abel", "Zoe"]
    await ada.post(f"/v1/requesters/{ids['Zoe']}/merge", {"into": ids["Ruth"]}, expect=200)
    assert await members() == ["Abel"]
    await ada.post(f"/v1/requesters/{ids['Zoe']}/unmerge", expect=200)
    await ada.patch(f"/v1/requesters/{ids['Ruth']}", {"emails": [f"ruth@{domain}", home]})
    assert await members() == ["Abel", "Ruth", "Zoe"]
    at_home = await desk.ticket(requester={"email": home, "name": "Ruth"})
    tickets = await eventually(lambda: tickets_at(desk, f"/v1/organisations/{firm['id']}", 4))
    assert tickets[0]["number"] == at_home["number"]
    await ada.patch(f"/v1/organisations/{firm['id']}", {"domains": [f"other.{domain}"]})
    assert await members() == []
