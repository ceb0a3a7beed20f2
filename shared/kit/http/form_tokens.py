"""Proof that a form was filled in on one of our own pages, in the browser that now sends it.

Signed double submit: a cookie and a hidden field hold the same token, signed over the browser's session. Whoever can
plant a cookie (from a sister domain, or over plain http) cannot sign one, and a token dies with the session it is for.
"""

import hmac
import secrets
from urllib.parse import urlsplit

from fastapi import FastAPI, Request

from shared.kit.http.problems import Problem

CSRF_COOKIE = "everdesk_csrf"
NO_SESSION = ""
_SEED_BYTES = 18
_ELSEWHERE = frozenset(("cross-site", "same-site"))


class FormTokens:
    """Makes and checks the tokens of one service's forms."""

    def __init__(self, secret: str, public_url: str, session_cookie: str | None = None) -> None:
        """`session_cookie` names the cookie of signed-in people; without one, tokens are for the browser alone."""
        self._key = hmac.digest(secret.encode(), b"form-token", "sha256")
        self._public = urlsplit(public_url).netloc.lower()
        self._session_cookie = session_cookie

    def install(self, app: FastAPI) -> None:
        """Makes the app's pages carry these tokens, and its forms ask for them."""
        app.state.form_tokens = self

    def find(self, request: Request) -> str | None:
        """The token that this browser has, if it is ours and for its present session."""
        token = request.cookies.get(CSRF_COOKIE, "")
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
        return urlsplit(origin).netloc.lower() in {self._public, request.headers.get("host", "").lower()} - {""}


def form_tokens_of(request: Request) -> FormTokens:
    """Those that were installed in the app."""
    tokens: FormTokens = request.app.state.form_tokens
    return tokens


def check_form_token(request: Request, sent: str | None) -> None:
    """Raises Problem 403 unless the form came from one of our pages, in the same browser and session."""
    form_tokens_of(request).check(request, sent)
