"""Every route with every scope on every kind of ticket, as docs/permissions.md declares it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import update

from services.assignment.models import Ticket
from services.assignment.web.page_base import SESSION_COOKIE
from shared.contracts.vocabulary import Permission
from shared.kit.clock import new_id
from tests.services.assignment.desk import Desk, Json, team_id
from tests.services.assignment.permissions.test_permissions import ACTIONS, Someone, make

TABLE = Path(__file__).resolve().parents[4] / "docs" / "permissions.md"
ROW = re.compile(r"^\| `(?P<method>[A-Z]+) (?P<path>\S+)` \| (?P<needs>.+) \|$", re.MULTILINE)
EACH = {"{action}": list(ACTIONS), "{decision}": ["add", "confirm", "remove"]}
EACH |= {"{following}": ["start", "stop"], "{linking}": ["add", "remove"]}
"""Path parameters whose every value has a row of its own."""
ON_TICKET = " on the ticket"
SCOPES = ("all", "teams", "assigned")
RELATIONS = ("own team", "team below", "other team", "assigned")
BODIES: dict[str, Json] = {
    "/v1/tickets/{ticket}/draft": {"body": "So far."},
    "/v1/tickets/{ticket}/held-replies": {"body": "Sent with second thoughts."},
    "/v1/tickets/{ticket}/messages/{message_id}": {"body": "Put differently."},
    "/v1/tickets/{ticket}/links": {"ticket": str(new_id())},
    "/v1/tickets/{ticket}/side-conversations": {"to": "sam@supplier.example", "subject": "Line", "body": "Down?"},
    "/v1/tickets/{ticket}/tasks": {"title": "Call the branch"},
    "/v1/tickets/{ticket}/children": {"ticket_ids": [str(new_id())]},
    "/v1/tickets/{ticket}/children/detach": {"ticket_ids": [str(new_id())]},
    "/v1/tickets/{ticket}/updates": {"body": "We are working on it."},
    "/tickets/{number}/entries/{entry_id}": {"body": "Put differently."},
}
"""What these routes need beside the ticket."""
STALE = '"999999"'
"""A revision that no ticket has: whoever is allowed is told so, and nothing changes."""
FORM_TOKENS: dict[str, str] = {}
EVERY_ADMIN = [one.value for one in Permission if one.value.startswith("admin.")]


@dataclass(frozen=True)
class Route:
    """One row of the table."""

    method: str
    path: str
    needs: str

    @property
    def is_page(self) -> bool:
        return not self.path.startswith(("/v1/", "/scim/"))

    def at(self, ticket: Json) -> str:
        """The path for a ticket, everything else being there for nobody."""
        path = self.path.replace("{ticket}", ticket["id"]).replace("{number}", ticket["number"])
        path = path.replace("{version}", "1").replace("{slug}", "no-such").replace("{email:path}", "x@y.example")
        return re.sub(r"\{\w+\}", str(new_id()), path)

    @property
    def body(self) -> Json:
        """What passes validation, so that the answer tells of permission."""
        if self.path.endswith("/participants"):
            return {"email": f"{new_id().hex}@guest.example"}
        if self.path in BODIES:
            return BODIES[self.path]
        return ACTIONS.get(self.path.rpartition("/")[2], ("", {}))[1] if "/tickets/" in self.path else {}


def declared() -> list[Route]:
    return [Route(**match.groupdict()) for match in ROW.finditer(TABLE.read_text())]


ROUTES = declared()


def served(desk: Desk) -> Iterator[str]:
    """Every route of the running application, those with a row per value spelled out."""
    for included in desk.app.routes:
        contexts = getattr(included, "effective_route_contexts", None)
        for one in contexts() if contexts else ():
            parameter = next((name for name in EACH if name in one.path), "")
            for value in EACH.get(parameter, [""]):
                path = one.path.replace(parameter, value) if parameter else one.path
                yield from (f"{method} {path}" for method in one.methods)


async def form_token(desk: Desk, token: str, cookies: str) -> str:
    """The token that forms of this session carry."""
    if token not in FORM_TOKENS:
        page = await desk.http.get("/queue" if token else "/", headers={"Cookie": cookies})
        FORM_TOKENS[token] = page.cookies["everdesk_csrf"]
        desk.http.cookies.clear()
    return FORM_TOKENS[token]


async def call(desk: Desk, someone: Someone | None, route: Route, ticket: Json) -> httpx2.Response:
    """Sends the request as somebody, or without a session."""
    token = someone.api.token if someone else ""
    if not route.is_page:
        headers = {"Authorization": f"Bearer {token}", "If-Match": STALE} if token else {}
        body = None if route.method in {"GET", "DELETE"} else route.body
        return await desk.http.request(route.method, route.at(ticket), headers=headers, json=body)
    cookies = f"{SESSION_COOKIE}={token}" if token else ""
    if route.method == "GET":
        return await desk.http.get(route.at(ticket), headers={"Cookie": cookies})
    csrf = await form_token(desk, token, cookies)
    form = {name: str(value) for name, value in route.body.items() if not isinstance(value, list)}
    form |= {"csrf_token": csrf, "revision": "999999"} | (
        {"email": f"{new_id().hex}@guest.example"} if "participants" in route.path else {}
    )
    headers = {"Cookie": f"{cookies}; everdesk_csrf={csrf}"}
    return await desk.http.post(route.at(ticket), data=form, headers=headers)


async def related(desk: Desk, relation: str, someone: Someone, tickets: dict[str, Json]) -> Json:
    """A ticket that stands in a relation to somebody who works in online-banking."""
    ticket = tickets[relation]
    if relation == "assigned":
        async with desk.database.begin() as session:
            await session.execute(
                update(Ticket).where(Ticket.id == UUID(ticket["id"])).values(assignee_id=UUID(someone.id))
            )
    return ticket


def reaches(scope: str, relation: str) -> bool:
    """The rule in one line, written again here on purpose."""
    return scope == "all" or (scope, relation) in {
        ("teams", "own team"),
        ("teams", "team below"),
        ("assigned", "assigned"),
    }


async def ticket_below(desk: Desk) -> Json:
    """A ticket of a team that is part of the team the agents of these tests work in."""
    ada, name = await desk.agent("ada"), f"below-{new_id().hex[-8:]}"
    sent = {"slug": name, "name": name, "parent_id": str(team_id("online-banking"))}
    team = await ada.post("/v1/teams", sent, expect=201)
    ticket = await desk.ticket("access")
    return await ada.post(f"/v1/tickets/{ticket['id']}/transfer", {"team_id": team["id"]})


@pytest.fixture(scope="session")
async def tickets(desk: Desk) -> dict[str, Json]:
    """One each in the own team, in a team that is part of it, in another team, and one there that changes hands."""
    return {
        "own team": await desk.ticket_of("ada"),
        "team below": await ticket_below(desk),
        "other team": await desk.ticket("access"),
        "assigned": await desk.ticket("access"),
    }


async def test_the_table_names_every_route_and_no_other(desk: Desk) -> None:
    assert sorted(f"{route.method} {route.path}" for route in ROUTES) == sorted(served(desk))


async def test_only_what_is_open_to_everybody_works_without_a_session(desk: Desk, tickets: dict[str, Json]) -> None:
    for route in ROUTES:
        if route.needs == "nothing" or route.path in {"/sign-out"}:
            continue
        answer = await call(desk, None, route, tickets["own team"])
        if route.is_page:
            assert answer.status_code == 303, route
            assert answer.headers["location"].startswith("/?next="), route
        else:
            assert answer.status_code == 401, route


@pytest.mark.parametrize(
    "needs", sorted({route.needs for route in ROUTES if "." in route.needs and ON_TICKET not in route.needs})
)
async def test_a_permission_that_is_about_no_ticket_is_asked_for(
    desk: Desk, tickets: dict[str, Json], needs: str
) -> None:
    wanted = EVERY_ADMIN if needs.startswith("any ") else [needs]
    every_other = [one.value for one in Permission if one.value not in wanted]
    allowed, others = await make(desk, "assigned", wanted), await make(desk, "all", every_other)
    for route in ROUTES:
        if route.needs == needs:
            refused = await call(desk, others, route, tickets["own team"])
            assert refused.status_code == 403, (route, refused.text[:200])
            answer = await call(desk, allowed, route, tickets["own team"])
            assert answer.status_code not in {401, 403, 500}, (route, answer.text[:200])


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize(
    "permission", sorted({route.needs.removesuffix(ON_TICKET) for route in ROUTES if route.needs.endswith(ON_TICKET)})
)
async def test_a_ticket_is_reached_as_far_as_the_scope_goes(
    desk: Desk, tickets: dict[str, Json], scope: str, permission: str
) -> None:
    routes = [route for route in ROUTES if route.needs == f"{permission}{ON_TICKET}"]
    has_all = await make(desk, scope, sorted({"ticket.view", permission}))
    views = await make(desk, scope, ["ticket.view"])
    cannot_see = await make(desk, scope, [one.value for one in Permission if one is not Permission.TICKET_VIEW])
    for relation in RELATIONS:
        for someone in (has_all, views, cannot_see):
            ticket = await related(desk, relation, someone, tickets)
            sees = reaches(scope, relation) and someone is not cannot_see
            for route in routes:
                answer = await call(desk, someone, route, ticket)
                told = (route, scope, relation, answer.status_code, answer.text[:200])
                if not sees:
                    assert answer.status_code == 404, told
                elif someone is has_all or permission == "ticket.view":
                    assert answer.status_code not in {401, 403, 500}, told
                    assert "there is no such ticket" not in answer.text, told
                else:
                    assert answer.status_code == 403, told
