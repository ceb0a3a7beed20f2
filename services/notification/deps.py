"""What routes may need, put together once in `app`, and the one permission there is: to be the operator."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from services.notification.settings import NotificationSettings
from shared.kit.auth import digest_of
from shared.kit.bus import Bus, DeadLetters
from shared.kit.db import Database
from shared.kit.http.problems import Problem


@dataclass(frozen=True, slots=True)
class AppState:
    """The service's parts."""

    settings: NotificationSettings
    database: Database
    bus: Bus
    dead_letters: DeadLetters
    wake_sender: Callable[[], None]


async def parts_of(request: Request) -> AppState:
    """The parts, as `app` put them together."""
    return cast(AppState, request.app.state.parts)


AllParts = Annotated[AppState, Depends(parts_of)]

_bearer = HTTPBearer(
    auto_error=False,
    scheme_name="operatorToken",
    description="The token in EVERDESK_OPERATOR_TOKEN. Where that is not set, every call is answered 401.",
)


async def require_operator(
    parts: AllParts, sent: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> None:
    """Raises Problem 401 unless the operator's token was sent; compared in constant time."""
    expected = parts.settings.operator_token
    if expected is None or sent is None or not _is_same(expected.get_secret_value(), sent.credentials):
        raise Problem(
            401,
            "operator_token_required",
            "send `Authorization: Bearer <EVERDESK_OPERATOR_TOKEN>`",
            headers={"WWW-Authenticate": 'Bearer realm="everdesk-notification"'},
        )


def _is_same(expected: str, sent: str) -> bool:
    return hmac.compare_digest(digest_of(expected), digest_of(sent))


OPERATOR = Depends(require_operator)
