"""Keys of single sign-on: encrypt the client secret, and sign the cookie that ties a sign-in to its browser."""

import base64
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from itsdangerous import BadData, URLSafeTimedSerializer

from services.assignment.settings import AssignmentSettings

NONCE_BYTES = 12
LASTS_SECONDS = 600
"""How long a sign-in at the provider may take."""
ABOUT = b"client-secret"
ABOUT_TOKEN = b"id-token"
LONGEST_TOKEN = 2_600
"""Of an ID token that is kept: encrypted, it fits into a cookie."""


class SignOnKeys:
    """Derived from the session secret; changing that requires the client secret to be entered again."""

    def __init__(self, settings: AssignmentSettings) -> None:
        """The settings' keys."""
        secret = settings.session_secret.get_secret_value()
        self._key = hmac.digest(secret.encode(), b"single-sign-on", "sha256")
        self._signer = URLSafeTimedSerializer(secret, salt="single-sign-on")

    def encrypt(self, secret: str) -> bytes:
        """Encrypts the client secret for storage."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + AESGCM(self._key).encrypt(nonce, secret.encode(), ABOUT)

    def decrypt(self, stored: bytes) -> str | None:
        """The client secret; None if it was encrypted with another key."""
        try:
            return AESGCM(self._key).decrypt(stored[:NONCE_BYTES], stored[NONCE_BYTES:], ABOUT).decode()
        except InvalidTag:
            return None

    def encrypt_token(self, id_token: str) -> bytes | None:
        """Encrypts an ID token to be kept with its session; None for one that is too long."""
        if len(id_token) > LONGEST_TOKEN:
            return None
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + AESGCM(self._key).encrypt(nonce, id_token.encode(), ABOUT_TOKEN)

    def decrypt_token(self, stored: bytes) -> str | None:
        """The ID token; None for anything that was not encrypted here."""
        try:
            return AESGCM(self._key).decrypt(stored[:NONCE_BYTES], stored[NONCE_BYTES:], ABOUT_TOKEN).decode()
        except (InvalidTag, ValueError):
            return None

    def begin(self, following: str, provider: int) -> str:
        """The signed cookie of a sign-in at a provider that continues at the path `following`."""
        return self._signer.dumps([secrets.token_urlsafe(24), following, provider])

    def read(self, cookie: str) -> tuple[str, str, int] | None:
        """Seed, path and provider from a cookie; None if it is forged or expired."""
        try:
            seed, following, provider = self._signer.loads(cookie, max_age=LASTS_SECONDS)
        except (BadData, ValueError, TypeError):
            return None
        return str(seed), str(following), int(provider)

    def derive(self, what: str, seed: str) -> str:
        """Derives state, nonce or PKCE verifier from key and cookie seed, so that neither alone is enough."""
        digest = hmac.digest(self._key, f"{what}\0{seed}".encode(), "sha256")
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")
