"""The table of docs/permissions.md, and calls of its routes as anybody."""

import re
from dataclasses import dataclass
from pathlib import Path

import httpx2

from services.assignment.web.page_base import SESSION_COOKIE
from shared.kit.clock import new_id
from tests.services.assignment.desk import Desk, Json
from tests.services.assignment.permissions.test_permissions import ACTIONS, Someone

TABLE = Path(__file__).resolve().parents[4] / "docs" / "permissions.md"
ROW = re.compile(r"^\| `(?P<method>[A-Z]+) (?P<path>\S+)` \| (?P<needs>.+) \|$", re.MULTILINE)
EACH = {"{action}": list(ACTIONS), "{decision}": ["add", "confirm", "remove"]}
EACH |= {"{following}": ["start", "stop"], "{linking}": ["add", "remove"]}
"""Path parameters whose every value has a row of its own."""
ON_TICKET = " on the ticket"
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


@dataclass(frozen=True)
class DeclaredRoute:
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


def declared() -> list[DeclaredRoute]:
    return [DeclaredRoute(**match.groupdict()) for match in ROW.finditer(TABLE.read_text())]


ROUTES = declared()


async def form_token(desk: Desk, token: str, cookies: str) -> str:
    """The token that forms of this session carry."""
    if token not in FORM_TOKENS:
        page = await desk.http.get("/queue" if token else "/", headers={"Cookie": cookies})
        FORM_TOKENS[token] = page.cookies["everdesk_csrf"]
        desk.http.cookies.clear()
    return FORM_TOKENS[token]


async def call(desk: Desk, someone: Someone | None, route: DeclaredRoute, ticket: Json) -> httpx2.Response:
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
