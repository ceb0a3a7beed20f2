"""Proof that a form was filled in on one of our own pages, in the browser that now sends it.

Signed double submit: a cookie and a hidden field hold the same token, signed over the browser's session. Whoever can
plant a cookie (from a sister domain, or over plain http) cannot sign one, and a token dies with the session it is for.
"""

import hmac
import secrets
from urllib.parse import urlsplit

from fastapi import FastAPI, Request

from shared.kit.http.cookies import cookie_name
from shared.kit.http.path_prefix import path_of
from shared.kit.http.problems import Problem

CSRF_COOKIE = "everdesk_csrf"
NO_SESSION = ""
NO_ORIGIN = "null"
_SEED_BYTES = 18
_DEFAULT_PORTS = {"http": 80, "https": 443}
_ELSEWHERE = frozenset(("cross-site", "same-site"))


class FormTokens:
    """Makes and checks the tokens of one service's forms."""

    def __init__(
        self, secret: str, public_url: str, session_cookie: str | None = None, *, secure_cookies: bool = False
    ) -> None:
        """`session_cookie` names the cookie of signed-in people; without one, tokens are for the browser alone."""
        self._key = hmac.digest(secret.encode(), b"form-token", "sha256")
        self._public = _origin_of(public_url)
        self._session_cookie = cookie_name(session_cookie, secure=secure_cookies) if session_cookie else None
        self.cookie = CSRF_COOKIE + path_of(public_url).replace("/", "_")
        """Its name: services that share a host, each under a path of its own, have one each."""
        self._own_cookie = cookie_name(self.cookie, secure=secure_cookies)

    def install(self, app: FastAPI) -> None:
        """Makes the app's pages carry these tokens, and its forms ask for them."""
        app.state.form_tokens = self

    def find(self, request: Request) -> str | None:
        """The token that this browser has, if it is ours and for its present session."""
        token = request.cookies.get(self._own_cookie, "")
        seed = token.partition(".")[0]
        return token if hmac.compare_digest(token.encode(), self._token(seed, request).encode()) else None

    def make(self, request: Request) -> str:
        """A new token for this browser's present session."""
        return self._token(secrets.token_urlsafe(_SEED_BYTES), request)

    def check(self, request: Request, sent: str | None) -> None:
        """Raises Problem 403 unless one of our pages sent the form, in this session."""
        expected = self.find(request)
        is_known = bool(expected and sent) and hmac.compare_digest(str(expected).encode(), str(sent).encode())
        if not is_known or not self._is_from_here(request):
            raise Problem(
                403, "form_expired", "the page was open too long or did not come from here; reload it and try again"
            )

    def _token(self, seed: str, request: Request) -> str:
        session = request.cookies.get(self._session_cookie, NO_SESSION) if self._session_cookie else NO_SESSION
        return f"{seed}.{hmac.new(self._key, f'{seed} {session}'.encode(), 'sha256').hexdigest()}"

    def _is_from_here(self, request: Request) -> bool:
        """What the browser itself says of the page that sent the form; old ones say nothing, and have the token."""
        origin = request.headers.get("origin")
        if origin is None:
            return request.headers.get("sec-fetch-site") not in _ELSEWHERE
        return _origin_of(origin) in {self._public, *self._own_origins(request)} - {NO_ORIGIN}

    def _own_origins(self, request: Request) -> set[str]:
        """Where the browser may think it is by the Host it sent; plain http only where we are served by it."""
        schemes = {"https"} if self._public.startswith("https:") else {"https", request.url.scheme}
        host = request.headers.get("host", "")
        return {_origin_of(f"{scheme}://{host}") for scheme in schemes} if host else set()


def _origin_of(url: str) -> str:
    """Scheme, host and port (RFC 6454), the default port spelled out; "null" for what has none."""
    try:
        parts = urlsplit(url)
        port = parts.port or _DEFAULT_PORTS[parts.scheme]
    except (ValueError, KeyError):
        return NO_ORIGIN
    return f"{parts.scheme}://{parts.hostname}:{port}" if parts.hostname else NO_ORIGIN


def form_tokens_of(request: Request) -> FormTokens:
    """Those that were installed in the app."""
    tokens: FormTokens = request.app.state.form_tokens
    return tokens


def check_form_token(request: Request, sent: str | None) -> None:
    """Raises Problem 403 unless the form came from one of our pages, in the same browser and session."""
    form_tokens_of(request).check(request, sent)
