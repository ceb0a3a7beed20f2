"""Personal data over HTTP: for administrators, and for whoever has shown to read the mail of an address."""

import io
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import httpx2
import pytest

from services.intake.access.key_scopes import KeyScope
from shared.contracts.base import TicketId
from shared.contracts.events import AccessLinkRequested
from shared.kit.auth import TicketLink, TicketLinks
from shared.kit.clock import new_id, utc_now
from shared.kit.one_time_links import EXPORT_LIFETIME, ExportLinks
from tests.services.intake.api.test_submitting import announced
from tests.services.intake.harness import IntakeHarness, Json
from tests.services.intake.privacy.test_privacy import Person, closed
from tests.support.database_search import tables_naming

PATH = "/v1/admin/requesters"


@pytest.fixture
async def admin(intake: IntakeHarness) -> AsyncIterator[httpx2.AsyncClient]:
    """Somebody who may."""
    async with intake.client(await intake.make_key(KeyScope.ADMIN)) as http:
        yield http


@pytest.fixture
def person() -> Person:
    return Person()


def names_in(answer: httpx2.Response) -> set[str]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["cache-control"] == "no-store"
    return set(zipfile.ZipFile(io.BytesIO(answer.content)).namelist())


async def test_only_administrators_reach_personal_data(intake: IntakeHarness, person: Person) -> None:
    await person.writes(intake)
    async with intake.client() as http:
        for method, path in (("GET", ""), ("GET", "/export"), ("POST", "/erase")):
            answer = await http.request(method, f"{PATH}/{person.email}{path}", json={"tickets": 1})
            assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


async def test_an_administrator_finds_exports_and_erases(
    intake: IntakeHarness, admin: httpx2.AsyncClient, person: Person
) -> None:
    ticket = await person.writes(intake)
    await closed(intake, ticket)
    found = (await admin.get(f"{PATH}/{person.email}")).json()
    assert (found["tickets"], found["open_tickets"], found["files"]) == (1, 0, 1)
    by_id = await admin.get(f"{PATH}/{found['requester_id']}/export")
    assert {"index.html", "requester.json", f"tickets/{ticket['number']}/ticket.json"} <= names_in(by_id)
    assert person.email.lower() not in str(by_id.headers).lower()

    wrong = await admin.post(f"{PATH}/{person.email}/erase", json={"tickets": 7})
    assert (wrong.status_code, wrong.json()["code"]) == (409, "wrong_number_of_tickets")
    once = {"Idempotency-Key": str(new_id())}
    first, again = [
        await admin.post(f"{PATH}/{person.email}/erase", json={"tickets": 1}, headers=once) for _ in range(2)
    ]
    assert first.status_code == 200, first.text
    assert again.json() == first.json() == found
    assert again.headers["idempotent-replayed"] == "true"
    assert await tables_naming(intake.database.engine, person.words) == {}
    assert (await admin.get(f"{PATH}/{person.email}")).status_code == 404


async def test_an_erasure_must_be_confirmed_by_a_number(admin: httpx2.AsyncClient, person: Person) -> None:
    answer = await admin.post(f"{PATH}/{person.email}/erase", json={})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["pointer"] == "/tickets"


async def test_a_mailed_link_has_another_mailed_which_hands_out_everything_once(
    intake: IntakeHarness, person: Person
) -> None:
    first, second = await person.writes(intake), await person.writes(intake)
    async with intake.browser() as http:
        page = await http.get(f"/t/{link_to(intake, person, first, is_mailed=True)}")
        (path,) = [part for part in page.text.split('"') if part.endswith("/everything")]
        answer = await pressed(http, path)
        assert person.email.casefold() in answer.text
        assert "/everything/" not in answer.text
        asked = AccessLinkRequested.of(await announced(intake, f"everdesk.access.requested.v1.{first['id']}"))
        assert (asked.wanted, asked.email) == ("everything", None)

        links = ExportLinks(intake.settings)
        path = links.url(person.email, new_id(), utc_now()).removeprefix(intake.settings.portal_url)
        names = names_in(await pressed(http, path))
        assert (await pressed(http, path)).status_code == 404, "it works once"
        old = links.url(person.email, new_id(), utc_now() - EXPORT_LIFETIME).removeprefix(intake.settings.portal_url)
        assert (await http.get(old)).status_code == 404
        for salt in (link_to(intake, person, first, is_mailed=True), path.rpartition("/")[2][:-1]):
            assert (await http.get(f"/everything/{salt}")).status_code == 404
    assert {f"tickets/{ticket['number']}/ticket.json" for ticket in (first, second)} <= names


async def pressed(http: httpx2.AsyncClient, path: str) -> httpx2.Response:
    """What the only button of a page does."""
    page = await http.get(path)
    assert page.status_code == 200, page.text
    csrf = page.text.partition('name="csrf_token" value="')[2].partition('"')[0]
    return await http.post(path, data={"csrf_token": csrf})


async def test_a_link_that_was_not_mailed_proves_no_address(intake: IntakeHarness, person: Person) -> None:
    ticket = await person.writes(intake)
    async with intake.browser() as http:
        token = link_to(intake, person, ticket, is_mailed=False)
        assert "/everything" not in (await http.get(f"/t/{token}")).text
        assert (await http.get(f"/t/{token}/everything")).status_code == 403


def link_to(intake: IntakeHarness, person: Person, ticket: Json, *, is_mailed: bool) -> str:
    link = TicketLink(TicketId(UUID(ticket["id"])), person.email)
    return TicketLinks(intake.settings).token(replace(link, is_mailed=is_mailed))
