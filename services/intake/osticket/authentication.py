"""Who is calling: a key of ours or one brought along, in the old help desk's header."""

from fastapi import Request

from services.intake.access.api_key_cache import KnownKey
from services.intake.access.key_scopes import KeyScope
from services.intake.api.authentication import key_of
from services.intake.app_state import AppState
from services.intake.osticket.keys import old_key
from services.intake.osticket.refusals import key_required, not_authorized
from shared.kit.auth import ApiKey
from shared.kit.http.problems import Problem


async def permitted(request: Request, state: AppState, scope: KeyScope | None) -> KnownKey:
    """The key of this request. Raises Problem 401 or 429."""
    text = request.headers.get("x-api-key", "").strip()
    try:
        key = await key_of(request, state, ApiKey.parse(text) or old_key(text))
    except Problem as refused:
        raise key_required() if refused.status in (401, 403) else refused from None
    await key.limiter.check(None, key.key_id)
    if scope and not key.may(scope):
        raise not_authorized()
    return key
