"""Access tokens for mailboxes that are opened by OAuth 2: got with the refresh token, kept until they run out."""

import json
import time
from urllib.parse import urlencode

from services.intake.mail.settings import OAuth
from shared.kit.http.public_addresses import OutgoingRefused
from shared.kit.http.safe_client import OutgoingFailed, SafeHttpClient

EARLY_SECONDS = 60.0
"""A token is replaced so long before its end."""
SHORTEST_LIFE = 300.0
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}


class TokenRefused(Exception):
    """There is no access token to be had; says why, and no secret."""


class AccessToken:
    """The current token of one mailbox."""

    def __init__(self, oauth: OAuth, outgoing: SafeHttpClient) -> None:
        self._oauth = oauth
        self._outgoing = outgoing
        self._token = ""
        self._good_until = 0.0

    async def get(self) -> str:
        """A token that works for a while yet. Raises TokenRefused."""
        if time.monotonic() < self._good_until:
            return self._token
        try:
            answer = await self._outgoing.post(self._oauth.token_url, self._request(), FORM)
        except (OutgoingFailed, OutgoingRefused) as error:
            raise TokenRefused(f"the token endpoint: {error}") from error
        if answer.status != 200:
            raise TokenRefused(f"the token endpoint answered {answer.status}{_reason(answer.body)}")
        try:
            given = json.loads(answer.body)
            self._token, life = str(given["access_token"]), float(given.get("expires_in", SHORTEST_LIFE))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise TokenRefused("the token endpoint's answer holds no token") from error
        self._good_until = time.monotonic() + max(life - EARLY_SECONDS, 0)
        return self._token

    def forget(self) -> None:
        """The server did not take it."""
        self._good_until = 0.0

    def _request(self) -> bytes:
        oauth = self._oauth
        fields = {
            "grant_type": "refresh_token",
            "client_id": oauth.client_id,
            "refresh_token": oauth.refresh_token.get_secret_value(),
        }
        if oauth.client_secret is not None:
            fields["client_secret"] = oauth.client_secret.get_secret_value()
        if oauth.scope is not None:
            fields["scope"] = oauth.scope
        return urlencode(fields).encode()


def _reason(body: bytes) -> str:
    """The error's code, which is one word of the standard's; its description may repeat what we sent."""
    try:
        code = str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return ""
    return f": {code[:40]}" if code.replace("_", "").isalnum() else ""
