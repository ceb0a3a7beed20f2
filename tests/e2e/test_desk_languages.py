"""Every page of the desk in the pseudo language: what is outside of its marks, and no data, was not translated."""

import re
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin, urlsplit
from zoneinfo import available_timezones

import httpx2
import pytest
from babel import Locale

from services.assignment.web.admin.webhook_client import offered_events
from shared.kit.i18n.languages import LANGUAGES, PSEUDO_TAG
from tests.e2e.busy_desk import NAMES, REQUESTER, fill
from tests.support.api import Json, SystemClients
from tests.support.whole_system import whole_system
from tests.translations.page_texts import PageTexts

TABLE = Path(__file__).resolve().parents[2] / "docs" / "permissions.md"
PAGE = re.compile(r"^\| `GET (?P<path>/(?!v1/|scim/)\S*)` \|", re.MULTILINE)
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
SECRET = re.compile(r"/[\w.~-]{24,}")
"""A part of a path that nobody can guess."""
PER_ROUTE = 4
"""Pages of one route with the same parameters that are looked at."""
STORED = "/admin/audit"
"""Shows stored values as programs have them; its words: tests/unit/administration/test_audit_words.py."""
NO_PAGES = re.compile(
    r"\.csv$|/export$|/file$|^/(queue/(stream|suggestions)|live/rights|inbox/unread|sign-in/sso.*|static/.*)$"
    r"|^/docs|^/openapi.json|^/tickets/\{number\}/(requester|timeline|canned/\{response_id\})$|^/admin/audit-log$"
)
"""Files, streams, answers to scripts, and what only leads elsewhere."""
ELSEWHERE = {
    "/setup": "an installation that is being set up: tests/browser/first_run",
    "/sign-in/second-factor": "somebody who has a second factor",
    "/board/{token}": "a board's link is shown once",
    "/admin/api-keys/{key_id}/alerts": "a key of a program that sends alerts",
    "/reports/what-if/{run_id}/tickets": "a run that changes a verdict",
}
STARTS = (
    *("/queue", "/admin", "/reports", "/inbox", "/account", "/settings", "/requesters", "/account/notifications"),
    *(
        "/admin/organisations",
        "/reports/boards",
        "/queue?view=all",
        "/queue/jobs",
        "/reports/what-if",
        "/queue?q=due:x",
    ),
    *(
        "/account/second-factor",
        "/no-such-page",
        "/tickets/no-such",
        "/set-password/x",
        "/welcome/x",
        "/forgot-password",
    ),
)
PORTAL = ("/", "/tickets/new", "/tickets/new?topic=online-banking", "/tickets/status", "/search?q=online", "/t/x", "/x")
BLANK = (
    *("/admin/agents/new", "/admin/teams/new", "/admin/roles/new", "/admin/sla-policies/new", "/admin/calendars/new"),
    *("/admin/organisations/new", "/admin/routing-rules/new", "/admin/service-tokens/new", "/admin/topics/new"),
    *("/admin/canned-responses/new", "/admin/announcements/new", "/admin/api-keys/new", "/admin/webhooks/new"),
    *("/admin/bans", "/admin/notification/targets", "/admin/event-tokens", "/reports/boards", "/requesters/new"),
    *("/tickets/new", "/reports/schedules", "/admin/notification/replay", "/admin/routing-rules/simulate"),
)
"""Pages whose form is sent with nothing in it: what it is refused with is looked at too."""
ACTIONS = {
    "/admin/bans": "/admin/bans/new",
    "/admin/notification/targets": "/admin/notification/targets/new",
}
"""Where forms go that are not sent to their page's own address."""
MADE = (
    ("/admin/webhooks/new", {"name": "Word hook", "url": "https://127.0.0.1:9/", "types": "ticket.*"}),
    ("/admin/announcements/new", {"title": "Word news", "body": "Word list", "tone": "info"}),
    ("/admin/bans", {"pattern": "@spam.example", "reason": "Word list"}),
    ("/admin/notification/targets", {"name": "Word room", "kind": "slack", "url": "https://127.0.0.1:9/"}),
    ("/admin/event-tokens", {"name": "Word feed", "scopes": "events"}),
    ("/reports/boards", {"name": "Word board"}),
)
"""What administrators make with forms only."""
SEEDED = (
    *("Everdesk", "Ada Lindqvist", "Bruno Costa", "Chioma Eze", "Dmitri Volkov", "Vera Novak", "Dana Ruiz"),
    *("Access management", "Online banking", "Service desk", "access-management", "online-banking", "service-desk"),
    *("All access", "Expanded", "Limited", "View only", "Standard", "Office hours", "Office hours, Berlin"),
    *(
        "Around the clock",
        "always",
        "office-hours",
        "Access and accounts",
        "Feedback",
        "General enquiry",
        "Report a problem",
    ),
    *("Affected users", "Amount of the payment", "Branch", "Last four digits of the card", "Which part of it?"),
    *("Demonstration", "rule 10: topic online-banking", "Rule 10: topic online-banking", "access", "your organisation"),
    *("Which system?", "Where is the cash point?", "What do you notice?", "The error message", "A picture of it"),
    *("Since when?", "Asset tag", "Questions that fit nowhere else", "Payments, transfers, cards and the banking app"),
    *("Signing in, passwords, new and closed accounts", "Something is broken, slow or behaves oddly"),
    *("What you like, and what we should do better", "Signing in", "A payment or transfer", "A card", "Something else"),
    *("Roughly is enough", "Never the whole number", "Website", "The app on a phone or tablet", "Cash point"),
    *("The street, or the number on its sticker", "An error message", "It is very slow", "It shows something wrong"),
    *("Nothing happens at all", "Word for word, if you can", "Up to three; hide what nobody should see", "online"),
)
TECHNICAL = (
    *("Slack", "Mattermost", "Microsoft Teams", "Opsgenie (Alert API)", "PagerDuty (Events API v2)"),
    *(
        "HTML",
        "URL",
        "SLA",
        "UTC",
        "CSV",
        "API",
        "create, read, reply",
        "events",
        "due:x",
        "overdue, today, none",
        "STARTTLS",
        "Ctrl",
        "DE",
    ),
    *(language.name for language in LANGUAGES.values()),
    *LANGUAGES,
)
"""Names of products, formats and abbreviations that are the same in every language, and of languages in their own."""
NOISE = re.compile(
    r"https?://\S+|[\w.+-]+@[\w.-]+|hds?_\w+…?|[\w-]+/\d+(\.\d+)+|\b2\.0\.0 Kept as \w+|\b\w+(', '\w+)+|ticket\.\*"
    r"|T?-?\d{5,}|[0-9a-f]{8,}"
)
"""Addresses, ids, programs, answers of a mail server, and values that a program may send."""


def data() -> list[str]:
    """What is the same in every language."""
    zones = available_timezones()
    places = [str(name) for name in Locale.parse("en_GB").territories.values()]
    return [
        *NAMES,
        *SEEDED,
        *TECHNICAL,
        *offered_events(),
        *zones,
        *(zone.replace("_", " ") for zone in zones),
        *places,
    ]


@dataclass
class Walk:
    """Goes from page to page, as far as links lead, and notes what was not translated."""

    http: httpx2.AsyncClient
    routes: dict[str, re.Pattern[str]]
    data: list[str] = field(default_factory=data)
    found: dict[str, str] = field(default_factory=dict)
    """Where each text was first seen."""
    visited: set[str] = field(default_factory=set)
    _count: Counter[tuple[str, ...]] = field(default_factory=Counter)

    async def go(self, start: str) -> None:
        """Looks at a page and at those that it leads to."""
        waiting = [start]
        while waiting:
            path = waiting.pop(0)
            if not self._is_due(path):
                continue
            answer = await self.http.get(path)
            if "html" in answer.headers.get("content-type", ""):
                waiting += [urljoin(path, link.partition("#")[0]) for link in self.read(path, answer.text)]

    async def send(self, path: str, fields: Mapping[str, str]) -> None:
        """Sends the form of a page."""
        page = (await self.http.get(path)).text
        token = TOKEN.search(page)
        assert token, path
        answer = await self.http.post(ACTIONS.get(path, path), data={"csrf_token": token[1], **fields})
        assert answer.status_code < 500, (path, answer.text)
        self.read(f"POST {path}", answer.text)

    def read(self, path: str, page: str) -> list[str]:
        """Notes what a page says in English; returns where it leads."""
        texts = PageTexts.of(page)
        for text in texts.untranslated(self.data) if not path.startswith(STORED) else ():
            if re.search(r"[^\W\d_]{2,}", NOISE.sub("", text)):
                self.found.setdefault(text, path)
        return texts.links

    def _is_due(self, path: str) -> bool:
        address = urlsplit(path)
        plain = SECRET.sub("/{token}", address.path)
        route = next((name for name, pattern in self.routes.items() if pattern.fullmatch(address.path)), plain)
        if not path.startswith("/") or NO_PAGES.search(route) or "sign-out" in path:
            return False
        kind = (route, *sorted(part.partition("=")[0] for part in address.query.split("&")))
        self._count[kind] += 1
        if self._count[kind] > PER_ROUTE or path in self.visited:
            return False
        self.visited |= {path, route}
        return True


@pytest.fixture(scope="module")
async def system(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> AsyncIterator[SystemClients]:
    """A running system of its own, with something to see everywhere: elsewhere the words of other tests stand too."""
    async with whole_system(tmp_path_factory, pytestconfig) as stack:
        clients = SystemClients(stack.described())
        await fill(clients, await clients.sign_in("ada@everdesk.example"))
        yield clients


def browser(url: str) -> httpx2.AsyncClient:
    """A browser of somebody who reads the pseudo language."""
    headers = {"Accept-Language": PSEUDO_TAG}
    return httpx2.AsyncClient(base_url=url, headers=headers, follow_redirects=True, timeout=30)


async def test_no_page_of_the_desk_stays_english(system: SystemClients) -> None:
    routes = dict(_routes())
    async with browser(system.desk.base_url) as http:
        walk = Walk(http, routes)
        await walk.go("/")
        await _sign_in(http, system)
        for path, fields in MADE:
            await walk.send(path, fields)
        for start in STARTS:
            await walk.go(start)
        for path in BLANK:
            await walk.send(path, {})
    assert not walk.found, "\n".join(f"{text!r} on {path[:90]}" for text, path in walk.found.items())
    missed = {route for route in routes if not NO_PAGES.search(route)} - walk.visited
    assert missed == set(ELSEWHERE)


async def test_no_page_of_the_support_centre_stays_english(system: SystemClients) -> None:
    links = {link for mail in await system.mails_to(REQUESTER) for link in await _links_in(system, mail)}
    assert links
    async with browser(system.intake.base_url) as http:
        walk = Walk(http, {})
        for start in (*PORTAL, *sorted(links)):
            await walk.go(start)
        await walk.send("/tickets/new?topic=online-banking", {})
    assert not walk.found, "\n".join(f"{text!r} on {path[:90]}" for text, path in walk.found.items())


async def _links_in(system: SystemClients, mail: Json) -> list[str]:
    """The paths of the links in a mail."""
    text = str((await system.mail.get(f"/api/v1/message/{mail['ID']}"))["Text"])
    return re.findall(rf"{re.escape(system.intake.base_url)}(/\S+)", text)


async def _sign_in(http: httpx2.AsyncClient, system: SystemClients) -> None:
    account = next(one for one in system.description["credentials"]["agents"] if one["email"].startswith("ada@"))
    token = TOKEN.search((await http.get("/")).text)
    assert token
    form = {"csrf_token": token[1], "email": account["email"], "password": account["password"], "next": "/queue"}
    answer = await http.post("/sign-in", data=form)
    assert answer.url.path == "/queue"


def _routes() -> Iterator[tuple[str, re.Pattern[str]]]:
    """The pages of the desk, those without parameters first, as docs/permissions.md lists them."""
    for path in sorted(PAGE.findall(TABLE.read_text("utf-8")), key=lambda path: ("{" in path, path)):
        yield path, re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)))
