"""What every page of the desk needs: who is signed in, notices carried over a redirect, problems shown as pages."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from fastapi import Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.status import HTTP_303_SEE_OTHER

from services.assignment.access.known_browsers import LASTS_SECONDS, KnownBrowsers
from services.assignment.access.sessions import SignedIn
from services.assignment.app_state import AppState
from services.assignment.deps import get_app_state
from services.assignment.queries.access.callers import Caller
from services.assignment.queries.people.offers import get_desk_reader
from services.assignment.web.refusal_texts import refusal_sentence
from shared.contracts.vocabulary import Channel
from shared.kit.clock import utc_now
from shared.kit.http.client_address import address_of
from shared.kit.http.language_choice import LanguageChoice
from shared.kit.http.page_route import BasePageRoute
from shared.kit.http.pages import Pages
from shared.kit.http.problems import Problem
from shared.kit.i18n.messages import gettext
from shared.kit.organisation_name import OrganisationName

SESSION_COOKIE = "everdesk_session"
PENDING_COOKIE = "everdesk_sign_in"
"""Of a sign-in that waits for the second factor."""
BROWSER_COOKIE = "everdesk_browser"
"""Of a browser in which an agent has signed in before."""
FLASH_COOKIE = "everdesk_flash"
FLASH_SECONDS = 60
FRESH = timedelta(minutes=15)
"""How long after a sign-in one may change how one signs in."""
SECOND_STEP = "/sign-in/second-factor"
"""Where a sign-in goes on with the second factor."""
ENROLMENT = "/account/second-factor"
"""Where a second factor is set up."""
ERROR = 400

Notice = tuple[str, str]


class Flash:
    """A notice for the next page, signed so that nobody else can put words on ours."""

    def __init__(self, secret: str) -> None:
        self._signer = URLSafeTimedSerializer(secret, salt="desk-flash")

    def write(self, kind: str, text: str) -> str:
        """The cookie's value."""
        return self._signer.dumps([kind, text])

    def read(self, cookie: str | None) -> list[Notice]:
        """The notices of a cookie: one, or none if it is not ours or too old."""
        if not cookie:
            return []
        try:
            kind, text = self._signer.loads(cookie, max_age=FLASH_SECONDS)
        except (BadSignature, ValueError, TypeError):
            return []
        return [(str(kind), str(text))]


@dataclass(frozen=True, slots=True)
class DeskPages:
    """Pages and their notices."""

    pages: Pages
    flash: Flash
    browsers: KnownBrowsers
    languages: LanguageChoice
    organisation: OrganisationName = field(default_factory=lambda: OrganisationName("Everdesk"))

    def render(
        self, request: Request, template: str, caller: Caller | None, status: int = 200, **values: Any
    ) -> HTMLResponse:
        """A page with what was announced before the redirect to it."""
        waiting = self.flash.read(self.pages.cookie(request, FLASH_COOKIE))
        notices = [*_lag_notice(request, caller), *waiting, *values.pop("notices", [])]
        values |= {"caller": caller, "notices": notices, "product": self.organisation.text}
        response = self.pages.render(request, template, status, **values)
        if self.pages.cookie(request, FLASH_COOKIE) is not None:
            self.pages.delete_cookie(response, FLASH_COOKIE)
        return response

    def open_session(self, response: Response, signed_in: SignedIn) -> None:
        """Gives the browser a new session, in place of the one it had, and has it known from now on."""
        lifetime = max(1, round((signed_in.expires_at - utc_now()).total_seconds()))
        self.pages.set_cookie(response, SESSION_COOKIE, signed_in.token, max_age=lifetime)
        known = self.browsers.write(signed_in.agent_id)
        self.pages.set_cookie(response, BROWSER_COOKIE, known, max_age=LASTS_SECONDS)
        self.pages.delete_cookie(response, PENDING_COOKIE)

    def take_over(self, request: Request, signed_in: SignedIn) -> None:
        """Has the forms of the page that answers this request belong to the session that it opens."""
        request.cookies[self.pages.cookie_name(SESSION_COOKIE)] = signed_in.token

    def redirect(self, to: str, notice: Notice | None = None) -> RedirectResponse:
        """Post/Redirect/Get: the next page, and what to say there."""
        response = RedirectResponse(to, HTTP_303_SEE_OTHER)
        if notice:
            self.pages.set_cookie(response, FLASH_COOKIE, self.flash.write(*notice), max_age=FLASH_SECONDS)
        return response


def zone_of(caller: Caller, context: AppState) -> ZoneInfo:
    """The time zone in which an agent writes instants: their own, or the reports'."""
    return ZoneInfo((caller.preferences and caller.preferences.time_zone) or context.settings.time_zone)


def _lag_notice(request: Request, caller: Caller | None) -> list[Notice]:
    """Tells agents that pages are older than they seem."""
    state: AppState | None = getattr(request.app.state, "app_state", None)
    if caller is None or state is None or not state.projection_lag.is_too_long:
        return []
    seconds = round(state.projection_lag.seconds)
    text = gettext(
        "Tickets are shown as they were %(seconds)s s ago: changes by others arrive late at present.", seconds=seconds
    )
    return [("warning", text)]


def desk_of(request: Request) -> DeskPages:
    """The desk that `install_web` built."""
    desk: DeskPages = request.app.state.desk
    return desk


async def get_desk(request: Request) -> DeskPages:
    """The same as a dependency."""
    return desk_of(request)


class NotSignedIn(Exception):
    """The page needs an agent: sign in first, then come back."""


async def find_signed_in(request: Request) -> Caller | None:
    """The agent of the session cookie, if it works."""
    token = desk_of(request).pages.cookie(request, SESSION_COOKIE)
    if not token or len(token) > 128:
        return None
    context = await get_app_state(request)
    caller = await context.callers.find(token, Channel.DESK, utc_now())
    if caller is None:
        return None
    reader = await get_desk_reader(context.database, caller.agent_id)
    desk_of(request).languages.prefer(request, reader.preferences.language)
    return replace(
        caller,
        address=address_of(request, context.settings.trusted_proxies),
        availability=reader.availability,
        offers=reader.offers,
        preferences=reader.preferences,
    )


class SecondFactorOwed(Exception):
    """The agent's role asks for a second factor: they set one up before anything else."""


async def get_any_signed_in(request: Request) -> Caller:
    """The agent of the session cookie, a second factor owed or not. Raises NotSignedIn."""
    caller = await find_signed_in(request)
    if caller is None:
        raise NotSignedIn
    return caller


async def get_signed_in(request: Request) -> Caller:
    """The agent of the session cookie. Raises NotSignedIn, and SecondFactorOwed."""
    caller = await get_any_signed_in(request)
    if caller.needs_second_factor:
        raise SecondFactorOwed
    return caller


class SignInAgain(Exception):
    """What is asked for takes a sign-in of the last minutes: the browser may have been left alone."""


async def get_fresh(caller: Annotated[Caller, Depends(get_any_signed_in)]) -> Caller:
    """The agent, if they signed in lately. Raises NotSignedIn and SignInAgain."""
    if caller.signed_in_at is None or utc_now() - caller.signed_in_at > FRESH:
        raise SignInAgain
    return caller


TheDesk = Annotated[DeskPages, Depends(get_desk)]
DeskAgent = Annotated[Caller, Depends(get_signed_in)]
AnyAgent = Annotated[Caller, Depends(get_any_signed_in)]
"""For the few pages on which a second factor is set up."""
FreshAgent = Annotated[Caller, Depends(get_fresh)]
"""For changing how one signs in."""
MaybeAgent = Annotated[Caller | None, Depends(find_signed_in)]


class DeskPageRoute(BasePageRoute):
    """A route whose refusals are rendered as a page of the desk."""

    async def answer_own(self, request: Request, error: Exception) -> Response | None:
        """Who is not signed in does that first, then comes back; who owes a second factor sets it up."""
        if isinstance(error, SecondFactorOwed):
            return RedirectResponse(ENROLMENT, HTTP_303_SEE_OTHER)
        if isinstance(error, SignInAgain):
            wanted = request.url.path if request.method == "GET" else "/account"
            return RedirectResponse(f"/?again=yes&next={quote(wanted, safe='/')}", HTTP_303_SEE_OTHER)
        if not isinstance(error, NotSignedIn):
            return None
        wanted = f"{request.url.path}?{request.url.query}".rstrip("?") if request.method == "GET" else "/queue"
        return RedirectResponse(f"/?next={quote(wanted, safe='/')}", HTTP_303_SEE_OTHER)

    async def render_problem(self, request: Request, problem: Problem) -> Response:
        """What went wrong, as a page."""
        return await problem_page(request, problem)


async def problem_page(request: Request, problem: Problem) -> Response:
    """What went wrong, as a page. Asks the database for nothing: it may be what is away."""
    desk = desk_of(request)
    values = {
        "problem": problem,
        "detail": refusal_sentence(problem.detail),
        "caller": None,
        "product": desk.organisation.text,
    }
    page = desk.pages.render(request, "problem.html", problem.status, **values)
    page.headers.update(problem.headers)
    return page
