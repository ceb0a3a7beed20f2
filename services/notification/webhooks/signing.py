"""Signatures of the Standard Webhooks specification, and the secrets they are made with.

A secret is encrypted in the database with a key made of the link secret: a copy of the database alone signs nothing.
"""

import base64
import hashlib
import hmac
import os
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.kit.settings import Settings

PREFIX = "whsec_"
SECRET_BYTES = 32
NONCE_BYTES = 12


class SecretUnreadable(Exception):
    """The secret was encrypted with another key: the link secret was changed."""


def new_secret() -> bytes:
    """Returns a random secret of 256 bits."""
    return os.urandom(SECRET_BYTES)


def written(secret: bytes) -> str:
    """Returns a secret as its owner gets it."""
    return PREFIX + base64.b64encode(secret).decode()


def signature_headers(event_id: str, at: datetime, body: bytes, secrets: Sequence[bytes]) -> dict[str, str]:
    """Returns the three headers of a delivery, with one signature for each secret that is valid at that time."""
    timestamp = str(int(at.timestamp()))
    content = b".".join((event_id.encode(), timestamp.encode(), body))
    signatures = [base64.b64encode(hmac.digest(secret, content, "sha256")).decode() for secret in secrets]
    return {
        "webhook-id": event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


class WebhookSecrets:
    """Encrypts and decrypts the secrets of endpoints."""

    def __init__(self, settings: Settings) -> None:
        link_secret = settings.link_secret.get_secret_value().encode()
        self._cipher = AESGCM(hashlib.sha256(b"webhook-secret\0" + link_secret).digest())

    def encrypt(self, webhook_id: UUID, secret: bytes) -> bytes:
        """Returns the secret encrypted, bound to its endpoint."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret, webhook_id.bytes)

    def decrypt(self, webhook_id: UUID, stored: bytes) -> bytes:
        """Returns the secret. Raises SecretUnreadable."""
        try:
            return self._cipher.decrypt(stored[:NONCE_BYTES], stored[NONCE_BYTES:], webhook_id.bytes)
        except InvalidTag:
            raise SecretUnreadable("its secret cannot be read any more: rotate it") from None
