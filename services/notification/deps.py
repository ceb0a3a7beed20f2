"""FastAPI dependencies of notification's routes: the application state, and the operator's permission."""

import hmac
from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.notification.app_state import AppState
from services.notification.event_tokens.schemas import EventScope
from services.notification.event_tokens.tokens import find_token
from shared.kit.administrator_passes import SCHEME, Administrator, PassedRequest
from shared.kit.auth import EVENT_TOKEN, digest_of
from shared.kit.http.client_address import address_of
from shared.kit.http.problems import Problem


async def get_app_state(request: Request) -> AppState:
    """The application state that `app` built. Declared async, or FastAPI would run it in a thread."""
    return cast(AppState, request.app.state.app_state)


State = Annotated[AppState, Depends(get_app_state)]

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="operatorToken",
    description="The token in EVERDESK_OPERATOR_TOKEN. Where that is not set, every call is answered 401.",
)


async def require_operator(
    request: Request, state: State, sent: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> None:
    """Raises Problem 401 unless the operator's token was sent, compared in constant time, or a pass of the desk."""
    header = request.headers.get("authorization", "")
    if header.startswith(f"{SCHEME} "):
        who = state.passes.read(header, await PassedRequest.of("notification", request))
        if who is not None:
            request.state.administrator = who
            return
    expected = state.settings.operator_token
    if expected is None or sent is None or not _is_same(expected.get_secret_value(), sent.credentials):
        raise Problem(
            401,
            "operator_token_required",
            "send `Authorization: Bearer <EVERDESK_OPERATOR_TOKEN>`",
            headers={"WWW-Authenticate": 'Bearer realm="everdesk-notification"'},
        )
    request.state.administrator = Administrator(
        "operator", "The operator's token", address_of(request, state.settings.trusted_proxies)
    )


def _is_same(expected: str, sent: str) -> bool:
    return hmac.compare_digest(digest_of(expected), digest_of(sent))


OPERATOR = Depends(require_operator)


class PermittedProgram:
    """A dependency: the operator, a pass of the desk, or a program whose event token has one of the scopes."""

    def __init__(self, *scopes: EventScope) -> None:
        self.scopes = frozenset(scopes)

    async def __call__(
        self, request: Request, state: State, sent: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> None:
        """Raises Problem 401 for an unknown token, 403 for one without the scope."""
        if sent is None or not sent.credentials.startswith(f"{EVENT_TOKEN}_"):
            await require_operator(request, state, sent)
            request.state.scopes = frozenset(EventScope)
            return
        token = await find_token(state.database, sent.credentials)
        if token is None:
            raise Problem(
                401,
                "invalid_token",
                "this event token is unknown, revoked or expired",
                headers={"WWW-Authenticate": 'Bearer realm="everdesk-notification"'},
            )
        if not self.scopes & token.scopes:
            wanted = " or ".join(sorted(self.scopes))
            raise Problem(403, "not_permitted", f"this event token needs the scope {wanted}")
        request.state.scopes = token.scopes
        request.state.administrator = Administrator(
            f"program:{token.id}", token.name, address_of(request, state.settings.trusted_proxies)
        )


FEED_READER = Depends(PermittedProgram(EventScope.EVENTS, EventScope.NOTES))
WEBHOOK_KEEPER = Depends(PermittedProgram(EventScope.WEBHOOKS))


async def get_administrator(request: Request) -> Administrator:
    """Who acts, for the audit log; a dependency of the router has found out."""
    who: Administrator = request.state.administrator
    return who


By = Annotated[Administrator, Depends(get_administrator)]
