"""Keeps the URLs and keys of targets encrypted: whoever knows the URL of a chat room can write to it."""

import base64
import hashlib
import os
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from shared.kit.settings import Settings

NONCE_BYTES = 12


class TargetUnreadable(Exception):
    """The value was encrypted with another key: the link secret was changed."""


class TargetSecrets:
    """Encrypts and decrypts values, each bound to its target."""

    def __init__(self, settings: Settings) -> None:
        link_secret = settings.link_secret.get_secret_value().encode()
        self._cipher = AESGCM(hashlib.sha256(b"notification-target\0" + link_secret).digest())

    def encrypt(self, target_id: UUID, value: str) -> str:
        """Returns a value as it is stored."""
        nonce = os.urandom(NONCE_BYTES)
        return base64.b64encode(nonce + self._cipher.encrypt(nonce, value.encode(), target_id.bytes)).decode()

    def decrypt(self, target_id: UUID, stored: str) -> str:
        """Returns a stored value. Raises TargetUnreadable."""
        sealed = base64.b64decode(stored)
        try:
            return self._cipher.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], target_id.bytes).decode()
        except InvalidTag:
            raise TargetUnreadable from None
