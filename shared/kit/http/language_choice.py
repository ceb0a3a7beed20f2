"""Which language a page is in: the one chosen with the language switch, else what the browser asks for.

A service may name a preference in between (`prefer`), such as the language of the ticket that is shown.
"""

from urllib.parse import urlsplit

from fastapi import FastAPI
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.kit.http.cookies import cookie_name
from shared.kit.i18n.languages import Language, OfferedLanguages, set_language, use_language
from shared.kit.settings import ServiceSettings

COOKIE = "language"
COOKIE_SECONDS = 365 * 24 * 3600
MAX_PLACE = 2000


def offered_languages(settings: ServiceSettings) -> OfferedLanguages:
    """Returns the languages that the settings offer."""
    return OfferedLanguages(settings.offered_languages, settings.default_language)


class LanguageChoice:
    """Reads the language of requests; installed as middleware, so that problem pages have it too."""

    def __init__(
        self,
        offered: OfferedLanguages,
        *,
        secure_cookies: bool,
        has_switch: bool = True,
    ) -> None:
        self.offered = offered
        self.has_switch = has_switch
        self.cookie = cookie_name(COOKIE, secure=secure_cookies)

    def install(self, app: FastAPI) -> None:
        """Sets the language of each request to the app."""
        app.add_middleware(_LanguageMiddleware, choice=self)

    def chosen(self, request: Request) -> Language | None:
        """Returns the language chosen in this browser, or None."""
        if not self.has_switch:
            return None
        return self.offered.find(request.cookies.get(self.cookie, "")[:35])

    def of(self, request: Request) -> Language:
        """Returns the language for a request of which nothing else is known."""
        chosen = self.chosen(request)
        return chosen or self.offered.negotiate(request.headers.get("accept-language")) or self.offered.default

    def prefer(self, request: Request, tag: str | None) -> None:
        """Uses a stored preference for the rest of the request, unless the reader chose a language in this browser."""
        found = self.offered.find(tag)
        if found is not None and self.chosen(request) is None:
            set_language(found)


class _LanguageMiddleware:
    def __init__(self, app: ASGIApp, choice: LanguageChoice) -> None:
        self.app = app
        self.choice = choice

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        with use_language(self.choice.of(Request(scope))):
            await self.app(scope, receive, send)


def place_before(request: Request) -> str:
    """Returns the path of the page that the switch was on, from the Referer; `/` where the browser does not say."""
    page = urlsplit(request.headers.get("referer", "")[:MAX_PLACE])
    place = f"{page.path}?{page.query}" if page.query else page.path
    is_path = place.startswith("/") and not place.startswith(("//", "/\\"))
    return place if is_path and place.isascii() and place.isprintable() and "\\" not in place else "/"
