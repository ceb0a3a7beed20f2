"""The key behind single sign-on: encrypts the client's secret, and makes what ties a sign-in to its browser."""

import base64
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from itsdangerous import BadData, URLSafeTimedSerializer

from services.assignment.settings import AssignmentSettings

NONCE_BYTES = 12
LASTS_SECONDS = 600
"""How long somebody may take at the provider."""
ABOUT = b"client-secret"


class SignOnKeys:
    """Derived from the session secret; whoever changes that types the client's secret anew."""

    def __init__(self, settings: AssignmentSettings) -> None:
        """The settings' keys."""
        secret = settings.session_secret.get_secret_value()
        self._key = hmac.digest(secret.encode(), b"single-sign-on", "sha256")
        self._signer = URLSafeTimedSerializer(secret, salt="single-sign-on")

    def encrypt(self, secret: str) -> bytes:
        """The client's secret as stored."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + AESGCM(self._key).encrypt(nonce, secret.encode(), ABOUT)

    def decrypt(self, stored: bytes) -> str | None:
        """The client's secret; None if it was stored with another key."""
        try:
            return AESGCM(self._key).decrypt(stored[:NONCE_BYTES], stored[NONCE_BYTES:], ABOUT).decode()
        except InvalidTag:
            return None

    def begin(self, following: str) -> str:
        """The cookie of a browser that goes to the provider, and afterwards to `following`."""
        return self._signer.dumps([secrets.token_urlsafe(24), following])

    def read(self, cookie: str) -> tuple[str, str] | None:
        """The seed and the path of a cookie; None if it is forged or too old."""
        try:
            seed, following = self._signer.loads(cookie, max_age=LASTS_SECONDS)
        except (BadData, ValueError, TypeError):
            return None
        return str(seed), str(following)

    def derive(self, what: str, seed: str) -> str:
        """The state, nonce or PKCE verifier of one sign-in: nobody without the key and the cookie can name it."""
        digest = hmac.digest(self._key, f"{what}\0{seed}".encode(), "sha256")
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")
